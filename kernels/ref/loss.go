package ref

import (
	"math"

	"bnas.example/kernels"
)

// CrossEntropy computes the loss and its gradient by the logits of each classifier.
func (e *Exec) CrossEntropy(labels []int, smoothing float64) error {
	e.loss, e.correct, e.dLogits = 0, 0, nil
	for k, c := range e.p.Classifiers() {
		y := e.values[c.Out]
		loss, d := crossEntropy(y, labels, smoothing)
		for i := range d {
			d[i] *= c.LossWeight
		}
		e.loss += c.LossWeight * loss
		e.dLogits = append(e.dLogits, e.noisy(d))
		if k == 0 {
			e.correct = correct(y, labels)
		}
	}
	return nil
}

// crossEntropy returns the mean cross entropy of logits and its gradient: ∂loss/∂y_k = (softmax_k(y) − q_k)/n.
func crossEntropy(logits []float64, labels []int, smoothing float64) (loss float64, d []float64) {
	n := len(labels)
	classes := len(logits) / n
	d = make([]float64, len(logits))
	for i, label := range labels {
		for k, logp := range logSoftmax(logits[i*classes : (i+1)*classes]) {
			q := smoothing / float64(classes)
			if k == label {
				q += 1 - smoothing
			}
			loss -= q * logp / float64(n)
			d[i*classes+k] = (math.Exp(logp) - q) / float64(n)
		}
	}
	return loss, d
}

// correct returns the number of images whose label is the first maximum of their logits.
func correct(logits []float64, labels []int) (n int) {
	classes := len(logits) / len(labels)
	for i, label := range labels {
		if firstMax(logits[i*classes:(i+1)*classes]) == label {
			n++
		}
	}
	return n
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

// Loss returns the mean loss and the number of correct images of the last CrossEntropy.
func (e *Exec) Loss() (float64, int, error) {
	return e.loss, e.correct, nil
}

// QueueLoss returns what Loss does.
func (e *Exec) QueueLoss() *kernels.Pending[kernels.Loss] {
	return kernels.Done(kernels.Loss{Mean: e.loss, Correct: e.correct}, nil)
}

// SetLogitGradient sets the gradient of the logits.
func (e *Exec) SetLogitGradient(d []float32) error {
	e.dLogits = [][]float64{widen(d)}
	return nil
}
