package train

import (
	"errors"
	"fmt"
	"iter"

	"bnas.example/data"
	"bnas.example/kernels"
	"bnas.example/supernet"
)

// Accuracy is a sub-network's result on validation images with the supernet's weights.
type Accuracy struct {
	Top1   float64 // share of images whose label has the largest logit
	NLL    float64 // mean negative log likelihood of the label, in nats
	Images int
}

// OneShot measures the accuracy of a sub-network with the weights in the store (Guo et al., "Single path one-shot", ECCV
// 2020, §3.4). It recomputes the statistics as [Recalibrate] does. The validation batches run with these statistics
// frozen.
func OneShot(net *supernet.Net, dev kernels.Device, store kernels.Store, a supernet.Arch, calibration, validation []data.Batch) (Accuracy, error) {
	acc, err := oneShot(net, dev, store, a, calibration, validation)
	if err != nil {
		return Accuracy{}, fmt.Errorf("train: one-shot: %s: %w", net.Space.Format(a), err)
	}
	return acc, nil
}

func oneShot(net *supernet.Net, dev kernels.Device, store kernels.Store, a supernet.Arch, calibration, validation []data.Batch) (Accuracy, error) {
	if len(validation) == 0 {
		return Accuracy{}, errors.New("no validation batches")
	}
	exec, statistics, err := recalibrate(net, dev, store, a, calibration, validation)
	if err != nil {
		return Accuracy{}, err
	}
	if err := exec.SetStatistics(statistics.Mean, statistics.Variance); err != nil {
		return Accuracy{}, fmt.Errorf("calibration: %w", err)
	}
	acc, err := measure(each(validation), on(exec))
	if err != nil {
		return Accuracy{}, fmt.Errorf("validation: %w", err)
	}
	return acc, nil
}

// measure runs each batch with frozen statistics, on the Exec that execOf returns for it.
func measure(batches iter.Seq2[data.Batch, error], execOf func(data.Batch) (kernels.Exec, error)) (Accuracy, error) {
	var acc Accuracy
	correct := 0
	for b, err := range batches {
		if err != nil {
			return Accuracy{}, err
		}
		exec, err := execOf(b)
		if err != nil {
			return Accuracy{}, err
		}
		if err := exec.Forward(b.Images, 0); err != nil {
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
	if acc.Images == 0 {
		return Accuracy{}, errors.New("there are no images")
	}
	acc.NLL /= float64(acc.Images)
	acc.Top1 = float64(correct) / float64(acc.Images)
	return acc, nil
}

// each goes through batches that are in memory.
func each(batches []data.Batch) iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) {
		for _, b := range batches {
			if !yield(b, nil) {
				return
			}
		}
	}
}

// on runs every batch on one Exec.
func on(exec kernels.Exec) func(data.Batch) (kernels.Exec, error) {
	return func(data.Batch) (kernels.Exec, error) { return exec, nil }
}
