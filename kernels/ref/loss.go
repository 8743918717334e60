package ref

import (
	"math"
)

// CrossEntropy forms the loss and its gradient: ∂loss/∂y_k = (softmax_k(y) − q_k)/n.
func (e *Exec) CrossEntropy(labels []int, smoothing float64) error {
	classes := e.p.Classes()
	e.loss, e.correct = 0, 0
	e.dLogits = make([]float64, e.n*classes)
	for i, label := range labels {
		y := e.values[e.p.Logits()][i*classes : (i+1)*classes]
		if firstMax(y) == label {
			e.correct++
		}
		for k, logp := range logSoftmax(y) {
			q := smoothing / float64(classes)
			if k == label {
				q += 1 - smoothing
			}
			e.loss -= q * logp / float64(e.n)
			e.dLogits[i*classes+k] = (math.Exp(logp) - q) / float64(e.n)
		}
	}
	return nil
}

// logSoftmax: y_k − log Σ_j exp(y_j), shifted by the maximum.
func logSoftmax(y []float64) []float64 {
	top := y[firstMax(y)]
	sum := 0.0
	for _, v := range y {
		sum += math.Exp(v - top)
	}
	out := make([]float64, len(y))
	for k, v := range y {
		out[k] = v - top - math.Log(sum)
	}
	return out
}

func firstMax(y []float64) int {
	best := 0
	for k, v := range y {
		if v > y[best] {
			best = k
		}
	}
	return best
}

// Loss returns the last CrossEntropy's mean loss and number of correct images.
func (e *Exec) Loss() (float64, int, error) {
	return e.loss, e.correct, nil
}

// SetLogitGradient sets ∂/∂logits.
func (e *Exec) SetLogitGradient(d []float32) error {
	e.dLogits = widen(d)
	return nil
}
