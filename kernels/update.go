package kernels

import (
	"fmt"
	"math"
)

// check returns an error if an update of ids is invalid: a setting is negative or not finite, a parameter is not in the
// table or is listed twice, or a step count is missing.
func (u Update) check(params []Param, ids []ParamID) error {
	if err := checkIDs(params, ids); err != nil {
		return err
	}
	for _, v := range []float64{u.LR, u.Momentum, u.WeightDecay, u.WeightDecayWeights, u.ClipNorm, u.ClipValue} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return fmt.Errorf("a setting is %v, must be finite and ≥ 0", v)
		}
	}
	switch u.Kind {
	case SGD:
		return nil
	case AdamW:
		return u.checkMoments("AdamW", len(ids))
	case RMSProp:
		return u.checkMoments("RMSProp", len(ids))
	}
	return fmt.Errorf("no optimizer %d", u.Kind)
}

// Moments lists the slots, beside Data and Grad, that the rule reads and writes.
func (u Update) Moments() []Slot {
	switch {
	case u.Kind == AdamW, u.Kind == RMSProp && u.Momentum != 0:
		return []Slot{Moment1, Moment2}
	case u.Kind == RMSProp:
		return []Slot{Moment2}
	case u.Momentum != 0:
		return []Slot{Moment1}
	}
	return nil
}

// checkMoments checks what the rule of this name needs for n parameters. RMSProp has no β₁.
func (u Update) checkMoments(name string, n int) error {
	if u.Kind == AdamW && !(u.Beta1 >= 0 && u.Beta1 < 1) || !(u.Beta2 >= 0 && u.Beta2 < 1 && u.Eps > 0) {
		return fmt.Errorf("%s with β₁ = %v, β₂ = %v, ε = %v", name, u.Beta1, u.Beta2, u.Eps)
	}
	if len(u.Steps) != n {
		return fmt.Errorf("%s has %d step counts for %d parameters", name, len(u.Steps), n)
	}
	for i, step := range u.Steps {
		if step < 1 {
			return fmt.Errorf("%s's step count %d is %d, must be ≥ 1", name, i, step)
		}
	}
	return nil
}

// GradientError is the error of Store.Update for an element of a gradient that is not finite.
type GradientError struct {
	Param   ParamID
	Name    string // of the parameter
	Element int
	Value   float32
}

func (e *GradientError) Error() string {
	return fmt.Sprintf("gradient of parameter %d (%s) is %v at element %d", e.Param, e.Name, e.Value, e.Element)
}
