package indicator

import (
	"math"
	"testing"
)

// Logits that no query changes are constant, also where the mean of n equal numbers is rounded.
func TestConstantLogits(t *testing.T) {
	const classes = 3
	for n := 2; n <= 24; n++ {
		logits := make([][]float64, 4)
		for r := range logits {
			for range n {
				for k := range classes {
					logits[r] = append(logits[r], float64(float32(k)*.3-.1*float32(r)))
				}
			}
		}
		m := mcMeasure(logits, classes, make([]int, n))
		if got := m.orLowest(-m.mi); !m.constant || !math.IsInf(got, -1) {
			t.Errorf("%d queries: %+v", n, m)
		}
	}
}

// The spread 0 would be the best.
func TestLogitScaleOfConstantLogits(t *testing.T) {
	e := &evidence{Scorer: &Scorer{cfg: Config{Images: 10}}}
	for range e.cfg.Images {
		e.logit = append(e.logit, .1, .7)
	}
	if got := logitScale(e); !math.IsInf(got, -1) {
		t.Errorf("constant logits: %v", got)
	}
	e.logit[0] = .2
	if got := logitScale(e); !(got < 0) || math.IsInf(got, -1) {
		t.Errorf("one other logit: %v", got)
	}
}
