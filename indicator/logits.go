package indicator

import (
	"fmt"
	"math"
)

func (e *evidence) takeLogits() error {
	e.logit = make([]float32, e.cfg.Images*e.program.Classes())
	if err := e.exec.Logits(e.logit); err != nil {
		return fmt.Errorf("logits: %w", err)
	}
	return nil
}

// logitScale is minus the standard deviation of the logits over images, root mean square over classes. With a frozen
// classifier it is the spread of the logits at initialisation. In units of a logit. −∞ if the logits are the same for all images, as
// mc_mi. Gauge-invariant: it depends on the function only. Source: ours.
func logitScale(e *evidence) float64 {
	wide := make([]float64, len(e.logit))
	for i, v := range e.logit {
		wide[i] = float64(v)
	}
	variance := mean(columnVariances(wide, e.cfg.Images, len(wide)/e.cfg.Images))
	if variance == 0 {
		return math.Inf(-1)
	}
	return -math.Sqrt(variance)
}
