package kernels

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestUpdateCheck(t *testing.T) {
	params := []Param{{Name: "gamma", Kind: Gamma, Shape: []int{5}}, {Name: "bias", Kind: LinearBias, Shape: []int{2}}}
	adam := Update{Kind: AdamW, LR: 1, Beta1: 0.9, Beta2: 0.9, Eps: 1, Steps: []int{1}}
	noStep, badStep, badBeta := adam, adam, adam
	noStep.Steps, badStep.Steps, badBeta.Beta1 = nil, []int{0}, 1
	rms := Update{Kind: RMSProp, LR: 1, Momentum: 0.9, Beta1: 2, Beta2: 0.9, Eps: 1, Steps: []int{1}} // β₁ is not its own
	noMean, noEps, early := rms, rms, rms
	noMean.Beta2, noEps.Eps, early.Steps = 1, 0, []int{0}
	for _, test := range []struct {
		want string
		rule Update
		ids  []ParamID
	}{
		{"no parameter 3", Update{LR: 1}, []ParamID{0, 3}},
		{"parameter 0 (gamma) is listed twice", Update{LR: 1}, []ParamID{0, 0}},
		{"no optimizer 3", Update{Kind: 3, LR: 1}, []ParamID{0}},
		{"a setting is NaN", Update{LR: math.NaN()}, []ParamID{0}},
		{"a setting is -1", Update{LR: 1, ClipNorm: -1}, []ParamID{0}},
		{"0 step counts for 1 parameters", noStep, []ParamID{0}},
		{"step count 0 is 0", badStep, []ParamID{0}},
		{"β₁ = 1", badBeta, []ParamID{0}},
		{"β₂ = 1", noMean, []ParamID{0}},
		{"ε = 0", noEps, []ParamID{0}},
		{"RMSProp's step count 0 is 0", early, []ParamID{0}},
	} {
		if err := test.rule.check(params, test.ids); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, must contain %q", err, test.want)
		}
	}
	for _, rule := range []Update{adam, rms} {
		if err := rule.check(params, []ParamID{1}); err != nil {
			t.Error(err)
		}
	}
}

// The slots that a rule keeps.
func TestMoments(t *testing.T) {
	for _, test := range []struct {
		rule Update
		want []Slot
	}{
		{Update{}, nil},
		{Update{Momentum: 0.9}, []Slot{Moment1}},
		{Update{Kind: AdamW}, []Slot{Moment1, Moment2}},
		{Update{Kind: RMSProp}, []Slot{Moment2}},
		{Update{Kind: RMSProp, Momentum: 0.9}, []Slot{Moment1, Moment2}},
	} {
		if got := test.rule.Moments(); !slices.Equal(got, test.want) {
			t.Errorf("%+v keeps the slots %v, want %v", test.rule, got, test.want)
		}
	}
}
