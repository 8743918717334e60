//go:build cgo

package cpu

import (
	"math"

	"bnas.example/kernels"
)

// CrossEntropy computes the loss and its gradient by the logits of each classifier.
func (e *exec) CrossEntropy(labels []int, smoothing float64) error {
	e.loss, e.correct = 0, 0
	for k := range e.plan.classifiers {
		c := &e.plan.classifiers[k]
		loss, correct := e.crossEntropy(c, labels, smoothing)
		e.loss += c.LossWeight * loss
		if k == 0 {
			e.correct = correct
		}
	}
	return nil
}

// crossEntropy returns the mean cross entropy of a classifier. It writes the gradient, ∂loss/∂y_k = w·(softmax_k(y) − q_k)/n with w
// the weight in the loss.
func (e *exec) crossEntropy(c *classifierPlan, labels []int, smoothing float64) (loss float64, correct int) {
	classes := e.p.Classes()
	for i, label := range labels {
		y, d := e.logits(c, i), e.logitGradient(c, i)
		clear(d)
		best := firstMax(y)
		if best == label {
			correct++
		}
		top, sum := float64(y[best]), 0.0
		for _, v := range y {
			sum += math.Exp(float64(v) - top)
		}
		for k, v := range y {
			q := smoothing / float64(classes)
			if k == label {
				q += 1 - smoothing
			}
			logp := float64(v) - top - math.Log(sum)
			loss -= q * logp / float64(e.n)
			d[k] = float32(c.LossWeight * ((math.Exp(logp) - q) / float64(e.n)))
		}
	}
	return loss, correct
}

func firstMax(y []float32) int {
	best := 0
	for k, v := range y {
		if v > y[best] {
			best = k
		}
	}
	return best
}

// logitGradient returns the row of an image in the gradient of the logits, in whole blocks.
func (e *exec) logitGradient(c *classifierPlan, image int) []float32 {
	return e.d.saved.floats(c.dLogits+image*e.plan.classes, e.plan.classes)
}

// Loss returns the loss and the number of correct images of the last CrossEntropy.
func (e *exec) Loss() (float64, int, error) {
	return e.loss, e.correct, nil
}

// QueueLoss returns what Loss does.
func (e *exec) QueueLoss() *kernels.Pending[kernels.Loss] {
	return kernels.Done(kernels.Loss{Mean: e.loss, Correct: e.correct}, nil)
}

// SetLogitGradient sets the gradient of the logits.
func (e *exec) SetLogitGradient(d []float32) error {
	classes := e.p.Classes()
	for k := range e.plan.classifiers {
		for i := range e.n {
			row := e.logitGradient(&e.plan.classifiers[k], i)
			clear(row)
			if k == 0 {
				copy(row, d[i*classes:(i+1)*classes])
			}
		}
	}
	return nil
}
