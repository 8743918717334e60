package cuda

import (
	"fmt"

	"bnas.example/cuda/driver"
	"bnas.example/kernels"
)

// CrossEntropy forms the loss of the last Forward and its gradient by the logits of each classifier. It queues work and does not
// wait.
func (e *exec) CrossEntropy(labels []int, smoothing float64) error {
	wide := make([]int64, len(labels))
	for i, l := range labels {
		wide[i] = int64(l)
	}
	if err := e.upload(e.at(e.plans.labels), bytesOf(wide)); err != nil {
		return err
	}
	return e.queue(e.lossOps(e.n, smoothing)...)
}

// lossOps are the launches of the loss: that of the logits begins it, that of an auxiliary classifier adds to it.
func (e *exec) lossOps(n int, smoothing float64) []Work {
	a, classes := e.plans, e.p.Classes()
	var ops []Work
	for k, c := range a.classifiers {
		args := []any{e.at(a.dLogits[c.Out]), e.at(a.result), e.at(a.values[c.Out]), e.at(a.labels), n, classes, pitchOf(classes), smoothing}
		kernel := "cross_entropy"
		if k > 0 {
			kernel, args = "cross_entropy_auxiliary", append(args, c.LossWeight)
		}
		o := blocks(kernel, 1, 1, args...)
		o.Block[0] = 1024
		o.Read = int64(n) * (8 + a.logitBytes())
		o.Write = int64(n)*a.logitBytes() + 16
		o.FLOPs = int64(n) * int64(classes) * 8
		if e.options.Trace != nil {
			o.Shape, o.Parts = fmt.Sprintf("%d classes %d images", classes, n), 1
		}
		ops = append(ops, o)
	}
	return ops
}

// Loss returns the loss and how many images have their label as first maximum.
func (e *exec) Loss() (loss float64, correct int, err error) {
	l, err := e.QueueLoss().Wait()
	return l.Mean, l.Correct, err
}

// QueueLoss queues the copy of the loss.
func (e *exec) QueueLoss() *kernels.Pending[kernels.Loss] {
	a, err := e.landings.fetch(part{e.at(e.plans.result), 16})
	if err != nil {
		return kernels.Done(kernels.Loss{}, err)
	}
	return kernels.Later(func() (kernels.Loss, error) {
		var result [2]float64
		err := a.read(func(b []byte) { copy(bytesOf(result[:]), b) })
		return kernels.Loss{Mean: result[0], Correct: int(result[1])}, err
	})
}

// SetLogitGradient gives ∂/∂logits, n×Classes. ∂/∂logits of an auxiliary classifier is 0.
func (e *exec) SetLogitGradient(g []float32) error {
	if err := e.probe.reserve(e.driver, 4*int64(len(g))); err != nil {
		return err
	}
	return e.seedLogits(e.probe.base, g)
}

// seedLogits does that by way of room for g on the device.
func (e *exec) seedLogits(room driver.Ptr, g []float32) error {
	if err := e.upload(room, bytesOf(g)); err != nil {
		return err
	}
	a, classes := e.plans, e.p.Classes()
	for _, c := range a.classifiers[1:] {
		if err := e.driver.Fill(driver.Compute, e.at(a.dLogits[c.Out]), 0, int64(e.n)*a.logitBytes()); err != nil {
			return err
		}
	}
	return e.queue(simple("to_map", e.n*pitchOf(classes), e.at(a.dLogits[e.p.Logits()]), room, e.n, classes, 1, 1))
}
