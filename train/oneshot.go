package train

import (
	"errors"
	"fmt"

	"bnas.example/data"
	"bnas.example/kernels"
	"bnas.example/supernet"
)

// Accuracy is what a sub-network reaches with the supernet's weights.
type Accuracy struct {
	Top1   float64 // share of images whose label has the largest logit
	NLL    float64 // mean negative log likelihood of the label, in nats
	Images int
}

// OneShot measures a sub-network with the weights in the store and statistics recomputed for it (Guo et al., "Single
// path one-shot", ECCV 2020, §3.4). Each calibration batch runs with its own statistics; those of all batches are
// pooled exactly, as if over one set of images,
//
//	μ = E[μ_b],  σ² = E[σ_b²] + Var[μ_b]
//
// with the expectation over batches weighted by their sizes, and σ² biased as in training (PyTorch's running variance
// is unbiased, m/(m−1) larger). The validation batches then run with these statistics held.
func OneShot(net *supernet.Net, dev kernels.Device, store kernels.Store, a supernet.Arch, calibration, validation []data.Batch) (Accuracy, error) {
	acc, err := oneShot(net, dev, store, a, calibration, validation)
	if err != nil {
		return Accuracy{}, fmt.Errorf("train: one-shot: %s: %w", net.Space.Format(a), err)
	}
	return acc, nil
}

func oneShot(net *supernet.Net, dev kernels.Device, store kernels.Store, a supernet.Arch, calibration, validation []data.Batch) (Accuracy, error) {
	if len(calibration) == 0 || len(validation) == 0 {
		return Accuracy{}, errors.New("needs calibration and validation batches")
	}
	program, err := net.Program(a)
	if err != nil {
		return Accuracy{}, err
	}
	largest := 0
	for _, b := range append(calibration[:len(calibration):len(calibration)], validation...) {
		largest = max(largest, len(b.Labels))
	}
	exec, err := dev.Compile(program, store, largest)
	if err != nil {
		return Accuracy{}, err
	}
	mean, variance, err := pooledStatistics(exec, calibration)
	if err != nil {
		return Accuracy{}, fmt.Errorf("calibration: %w", err)
	}
	if err := exec.SetStatistics(mean, variance); err != nil {
		return Accuracy{}, fmt.Errorf("calibration: %w", err)
	}
	acc, err := measure(exec, validation)
	if err != nil {
		return Accuracy{}, fmt.Errorf("validation: %w", err)
	}
	return acc, nil
}

// pooledStatistics returns the moments of every BatchNorm's channels over all batches together.
func pooledStatistics(exec kernels.Exec, batches []data.Batch) (mean, variance []float64, err error) {
	n := exec.Program().BNParams() / 2
	mean, variance = make([]float64, n), make([]float64, n)
	m, v := make([]float64, n), make([]float64, n)
	total := 0.0
	for _, b := range batches {
		images, err := pixels(b)
		if err != nil {
			return nil, nil, err
		}
		if err := exec.Forward(images, len(b.Labels)); err != nil {
			return nil, nil, err
		}
		if err := exec.Statistics(m, v); err != nil {
			return nil, nil, err
		}
		pool(mean, variance, total, m, v, float64(len(b.Labels)))
		total += float64(len(b.Labels))
	}
	return mean, variance, nil
}

// pool merges the moments m, v of w images into mean, variance of total images (Chan, Golub, LeVeque 1983):
// with δ = m − mean and q = w/(total+w), mean += qδ and variance = (1−q)·variance + q·v + q(1−q)δ².
func pool(mean, variance []float64, total float64, m, v []float64, w float64) {
	q := w / (total + w)
	for c := range mean {
		d := m[c] - mean[c]
		mean[c] += q * d
		variance[c] = (1-q)*variance[c] + q*v[c] + q*(1-q)*d*d
	}
}

func measure(exec kernels.Exec, batches []data.Batch) (Accuracy, error) {
	var acc Accuracy
	correct := 0
	for _, b := range batches {
		images, err := pixels(b)
		if err != nil {
			return Accuracy{}, err
		}
		if err := exec.Forward(images, 0); err != nil {
			return Accuracy{}, err
		}
		if err := exec.CrossEntropy(b.Labels, 0); err != nil {
			return Accuracy{}, err
		}
		loss, right, err := exec.Loss()
		if err != nil {
			return Accuracy{}, err
		}
		acc.NLL += loss * float64(len(b.Labels))
		acc.Images += len(b.Labels)
		correct += right
	}
	acc.NLL /= float64(acc.Images)
	acc.Top1 = float64(correct) / float64(acc.Images)
	return acc, nil
}

// pixels returns the images of a batch as the kernels take them.
func pixels(b data.Batch) ([]float32, error) {
	p, ok := b.Images.Data().([]float32)
	if !ok {
		return nil, fmt.Errorf("images are %v, want float32", b.Images.Dtype())
	}
	return p, nil
}
