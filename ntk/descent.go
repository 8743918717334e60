package ntk

import (
	"fmt"

	"bnas.example/kernels"
)

// Descent trains a network by plain gradient descent with all images in one batch on SquaredLoss.
type Descent struct {
	Exec   kernels.Exec
	Store  kernels.Store
	Images []float32
	Target []float64         // y, in the order of OutputKernels
	Train  []kernels.ParamID // the others keep their values
	Rate   float64           // η
	// Statistics: with DifferentiateStatistics those of the images in each step, with FreezeStatistics those of Exec.
	Statistics kernels.StatGrad
}

// Outputs runs the images and returns the outputs, in the order of OutputKernels.
func (d Descent) Outputs() ([]float64, error) {
	batch := d.images()
	if d.Statistics == kernels.FreezeStatistics {
		batch = 0
	}
	logits, f := make([]float32, len(d.Target)), make([]float64, len(d.Target))
	if err := d.Exec.Forward(d.Images, batch); err != nil {
		return nil, d.wrap(err)
	}
	if err := d.Exec.Logits(logits); err != nil {
		return nil, d.wrap(err)
	}
	for i, v := range logits {
		f[i] = float64(v)
	}
	return f, nil
}

// Step is θ ← θ − η·∂loss/∂θ. f are the outputs; they must be those of the last pass of Exec.
func (d Descent) Step(f []float64) error {
	n, weights := d.images(), false
	for _, id := range d.Train {
		weights = weights || d.Store.Params()[id].Kind == kernels.ConvWeight
	}
	residual := make([]float32, len(f))
	for i := range f {
		residual[i] = float32((f[i] - d.Target[i]) / float64(n))
	}
	if err := d.Exec.SetLogitGradient(residual); err != nil {
		return d.wrap(err)
	}
	if err := d.Exec.Backward(d.Statistics, weights); err != nil {
		return d.wrap(err)
	}
	_, err := d.Store.Update(kernels.Update{Kind: kernels.SGD, LR: d.Rate}, d.Train)
	return d.wrap(err)
}

func (d Descent) images() int { return len(d.Images) / d.Exec.Program().Values[kernels.Images].Len() }

func (d Descent) wrap(err error) error {
	if err != nil {
		err = fmt.Errorf("ntk: descent of %s: %w", d.Exec.Program().Name, err)
	}
	return err
}
