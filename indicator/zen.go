package indicator

import (
	"fmt"
	"math"

	"bnas.example/kernels"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// zenMixture is the size of the change of the images.
const zenMixture = 1e-2

// takeZen measures the change of the features before the global average as Gaussian images change, with N(0, 1) weights.
func (e *evidence) takeZen() error {
	s, n := e.standard, e.cfg.NTKImages
	pool, err := globalAverage(s.program)
	if err != nil {
		return err
	}
	images, mixed := e.zenImages(n)
	var convolutions []layer
	for _, l := range layers(s.program) {
		if s.store.Params()[l.weight].Kind == kernels.ConvWeight {
			convolutions = append(convolutions, l)
		}
	}
	toUnit := func(p kernels.Param) float64 { return 1 / supernet.Deviation(p) }
	return s.scaled(convolutions, toUnit, func() error {
		before, start, err := s.runZen(images, n, pool)
		if err != nil {
			return err
		}
		after, end, err := s.runZen(mixed, n, pool)
		if err != nil {
			return err
		}
		var change float64
		for i, v := range before {
			change += math.Abs(float64(v)-float64(after[i])) / float64(n)
		}
		e.zen = math.Log(change)
		for b := range start {
			// The running variance after the two batches, with a momentum of .1, from 1.
			e.zen += math.Log(.81+.09*start[b]+.1*end[b]) / 2
		}
		return nil
	})
}

// zenImages returns n images of N(0, 1), and these plus zenMixture times n others.
func (s *Scorer) zenImages(n int) (images, mixed []float32) {
	images, mixed = make([]float32, n*s.imageLen), make([]float32, n*s.imageLen)
	philox.New(s.cfg.SeedOfDirections(), "zen images", 0).Normal(images, 1)
	philox.New(s.cfg.SeedOfDirections(), "zen mixture", 0).Normal(mixed, 1)
	for i, v := range images {
		mixed[i] = float32(float64(v) + zenMixture*float64(mixed[i]))
	}
	return images, mixed
}

// runZen returns the features that the global average sees, and the mean over channels of the unbiased variance of each BatchNorm's
// input.
func (s standard) runZen(images []float32, n int, pool *kernels.Step) ([]float32, []float64, error) {
	if err := s.forward(images, n); err != nil {
		return nil, nil, err
	}
	node := s.program.Nodes[pool.In[0]]
	x := make([]float32, n*node.Len())
	if err := s.exec.Read(kernels.NodeTap(pool.In[0]), x); err != nil {
		return nil, nil, fmt.Errorf("%s of the untrained standard network: %w", node.Name, err)
	}
	if pool.Act != kernels.Linear {
		rectify(x, pool.Act)
	}
	mean, variance := make([]float64, s.program.BNParams()/2), make([]float64, s.program.BNParams()/2)
	if err := s.exec.Statistics(mean, variance); err != nil {
		return nil, nil, fmt.Errorf("statistics of the untrained standard network: %w", err)
	}
	var spread []float64
	for _, bn := range s.program.BNs {
		v := s.program.Values[bn.Value]
		m := float64(n * v.H * v.W)
		spread = append(spread, sum(variance[:v.C])/float64(v.C)*m/max(m-1, 1))
		variance = variance[v.C:]
	}
	return x, spread, nil
}

// globalAverage returns the last global average of p.
func globalAverage(p *kernels.Program) (*kernels.Step, error) {
	for i := len(p.Steps) - 1; i >= 0; i-- {
		if p.Steps[i].Op == kernels.OpGlobalAvg {
			return &p.Steps[i], nil
		}
	}
	return nil, fmt.Errorf("%s has no global average", p.Name)
}

// zen is log mean_n ‖f(x_n) − f(x_n + .01·z_n)‖₁ + Σ over BatchNorms of log √(mean of the running variance): the change of the
// features before the global average as Gaussian images x change by Gaussian z, times what BatchNorm divided by, on the standard network
// with weights of N(0, 1). There are score.ntk_images images (16, as the authors'). The running variance is that of PyTorch after the two
// batches. No γ or β of the supernet is read. Source: Lin et al., "Zen-NAS" (ICCV 2021), with the mixture of its code; one draw.
func zen(e *evidence) float64 { return e.zen }
