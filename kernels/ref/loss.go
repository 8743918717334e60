package ref

import (
	"fmt"
	"math"

	"bnas.example/kernels"
)

// CrossEntropy forms the loss and its gradient: ∂loss/∂y_k = (softmax_k(y) − q_k)/n.
func (e *Exec) CrossEntropy(labels []int, smoothing float64) error {
	if err := e.ready("CrossEntropy"); err != nil {
		return err
	}
	if err := e.length("CrossEntropy", "labels", len(labels), e.n); err != nil {
		return err
	}
	classes := e.p.Classes()
	if err := kernels.CheckLabels(labels, smoothing, classes); err != nil {
		return e.fail("CrossEntropy", err)
	}
	e.loss, e.correct, e.scored = 0, 0, true
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
	if err := e.ready("Loss"); err != nil {
		return 0, 0, err
	}
	if !e.scored {
		return 0, 0, e.fail("Loss", fmt.Errorf("needs a CrossEntropy since the last Forward"))
	}
	return e.loss, e.correct, nil
}

// SetLogitGradient sets ∂/∂logits.
func (e *Exec) SetLogitGradient(d []float32) error {
	if err := e.ready("SetLogitGradient"); err != nil {
		return err
	}
	if err := e.length("SetLogitGradient", "gradient", len(d), e.n*e.p.Classes()); err != nil {
		return err
	}
	e.dLogits = widen(d)
	return nil
}
