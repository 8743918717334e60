package train

import (
	"errors"
	"fmt"

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
	acc, err := measure(exec, validation)
	if err != nil {
		return Accuracy{}, fmt.Errorf("validation: %w", err)
	}
	return acc, nil
}

func measure(exec kernels.Exec, batches []data.Batch) (Accuracy, error) {
	var acc Accuracy
	correct := 0
	for _, b := range batches {
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
	acc.NLL /= float64(acc.Images)
	acc.Top1 = float64(correct) / float64(acc.Images)
	return acc, nil
}
