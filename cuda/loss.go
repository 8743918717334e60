package cuda

import (
	"bnas.example/cuda/driver"
)

// CrossEntropy forms the loss of the last Forward and the gradient of the logits. It queues work and does not wait.
func (e *exec) CrossEntropy(labels []int, smoothing float64) error {
	wide := make([]int64, len(labels))
	for i, l := range labels {
		wide[i] = int64(l)
	}
	if err := e.upload(e.at(e.plans.labels), bytesOf(wide)); err != nil {
		return err
	}
	return e.queue(e.lossOp(e.n, smoothing))
}

func (e *exec) lossOp(n int, smoothing float64) Work {
	a, classes := e.plans, e.p.Classes()
	o := blocks("cross_entropy", 1, 1, e.at(a.dLogits), e.at(a.result), e.at(a.values[e.p.Logits()]), e.at(a.labels), n, classes, pitchOf(classes), smoothing)
	o.Read = int64(n) * (8 + 4*int64(pitchOf(classes)))
	o.Write = int64(n)*4*int64(pitchOf(classes)) + 16
	o.FLOPs = int64(n) * int64(classes) * 8
	return o
}

// Loss returns the mean loss and how many images have their label as first maximum.
func (e *exec) Loss() (loss float64, correct int, err error) {
	var result [2]float64
	err = e.driver.CopyOut(driver.Compute, bytesOf(result[:]), e.at(e.plans.result))
	return result[0], int(result[1]), err
}

// SetLogitGradient gives ∂/∂logits, n×Classes.
func (e *exec) SetLogitGradient(g []float32) error {
	if err := e.probe.reserve(e.driver, 4*int64(len(g))); err != nil {
		return err
	}
	if err := e.upload(e.probe.base, bytesOf(g)); err != nil {
		return err
	}
	classes := e.p.Classes()
	return e.queue(simple("to_map", e.n*pitchOf(classes), e.at(e.plans.dLogits), e.probe.base, e.n, classes, 1, 1))
}
