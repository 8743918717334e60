package train

import (
	"errors"
	"fmt"

	"bnas.example/data"
	"bnas.example/kernels"
	"bnas.example/supernet"
)

// Recalibrate recomputes the statistics of a sub-network's BatchNorms with the weights in the store, pooled over the
// calibration batches as OneShot pools them.
func Recalibrate(net *supernet.Net, dev kernels.Device, store kernels.Store, a supernet.Arch, calibration []data.Batch) (supernet.Statistics, error) {
	fail := func(err error) (supernet.Statistics, error) {
		return supernet.Statistics{}, fmt.Errorf("train: statistics of %s: %w", net.Space.Format(a), err)
	}
	if len(calibration) == 0 {
		return fail(errors.New("no calibration batches"))
	}
	program, err := net.Program(a)
	if err != nil {
		return fail(err)
	}
	largest := 0
	for _, b := range calibration {
		largest = max(largest, len(b.Labels))
	}
	exec, err := dev.Compile(program, store, largest)
	if err != nil {
		return fail(err)
	}
	mean, variance, err := pooledStatistics(exec, calibration)
	if err != nil {
		return fail(err)
	}
	return supernet.Statistics{Mean: mean, Variance: variance}, nil
}
