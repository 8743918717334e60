package train

import (
	"errors"
	"fmt"

	"bnas.example/data"
	"bnas.example/kernels"
	"bnas.example/supernet"
)

// Recalibrate recomputes the statistics of a sub-network's BatchNorms with the weights in the store. Each calibration
// batch runs with its own statistics. Those of all batches are pooled exactly, as if over one set of images,
//
//	μ = E[μ_b],  σ² = E[σ_b²] + Var[μ_b]
//
// with the expectation over batches weighted by their sizes, and σ² biased as in training (PyTorch's running variance
// is unbiased, larger by m/(m−1)).
func Recalibrate(net *supernet.Net, dev kernels.Device, store kernels.Store, a supernet.Arch, calibration []data.Batch) (supernet.Statistics, error) {
	_, statistics, err := recalibrate(net, dev, store, a, calibration, nil)
	if err != nil {
		return supernet.Statistics{}, fmt.Errorf("train: statistics of %s: %w", net.Space.Format(a), err)
	}
	return statistics, nil
}

// recalibrate compiles a for the largest of all batches, and pools the statistics of the calibration batches.
func recalibrate(net *supernet.Net, dev kernels.Device, store kernels.Store, a supernet.Arch, calibration, others []data.Batch) (kernels.Exec, supernet.Statistics, error) {
	none := supernet.Statistics{}
	if len(calibration) == 0 {
		return nil, none, errors.New("no calibration batches")
	}
	program, err := net.Program(a)
	if err != nil {
		return nil, none, err
	}
	largest := 0
	for _, batches := range [][]data.Batch{calibration, others} {
		for _, b := range batches {
			largest = max(largest, len(b.Labels))
		}
	}
	exec, err := dev.Compile(program, store, largest)
	if err != nil {
		return nil, none, err
	}
	mean, variance, err := pooledStatistics(exec, calibration)
	if err != nil {
		return nil, none, fmt.Errorf("calibration: %w", err)
	}
	return exec, supernet.Statistics{Mean: mean, Variance: variance}, nil
}

// pooledStatistics returns the moments of every BatchNorm's channels over all batches together.
func pooledStatistics(exec kernels.Exec, batches []data.Batch) (mean, variance []float64, err error) {
	n := exec.Program().BNParams() / 2
	mean, variance = make([]float64, n), make([]float64, n)
	m, v := make([]float64, n), make([]float64, n)
	total := 0.0
	for _, b := range batches {
		if err := exec.Forward(b.Images, len(b.Labels)); err != nil {
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
