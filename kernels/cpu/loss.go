//go:build cgo

package cpu

import (
	"math"
)

// CrossEntropy forms the loss and its gradient, ∂loss/∂y_k = (softmax_k(y) − q_k)/n.
func (e *exec) CrossEntropy(labels []int, smoothing float64) error {
	classes := e.p.Classes()
	e.loss, e.correct = 0, 0
	for i, label := range labels {
		y, d := e.logits(i), e.logitGradient(i)
		clear(d)
		best := firstMax(y)
		if best == label {
			e.correct++
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
			e.loss -= q * logp / float64(e.n)
			d[k] = float32((math.Exp(logp) - q) / float64(e.n))
		}
	}
	return nil
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

// logitGradient is an image's row of the logits' gradient, whole blocks.
func (e *exec) logitGradient(image int) []float32 {
	cp := blocks(e.p.Classes()) * lanes
	return e.d.saved.floats(e.plan.dLogits+image*cp, cp)
}

// Loss returns the last CrossEntropy's mean loss and number of correct images.
func (e *exec) Loss() (float64, int, error) {
	return e.loss, e.correct, nil
}

// SetLogitGradient sets ∂/∂logits.
func (e *exec) SetLogitGradient(d []float32) error {
	classes := e.p.Classes()
	for i := range e.n {
		row := e.logitGradient(i)
		clear(row)
		copy(row, d[i*classes:(i+1)*classes])
	}
	return nil
}
