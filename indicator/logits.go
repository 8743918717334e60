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

// logitScale is minus the standard deviation of the logits over images, root mean square over classes: with a frozen
// classifier, how loudly the network speaks before it knows anything. In units of a logit. Invariant under gauge: it is
// in function space. Source: ours.
func logitScale(e *evidence) float64 {
	wide := make([]float64, len(e.logit))
	for i, v := range e.logit {
		wide[i] = float64(v)
	}
	return -math.Sqrt(mean(columnVariances(wide, e.cfg.Images, len(wide)/e.cfg.Images)))
}
