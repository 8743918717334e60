package kernels

import (
	"math"
	"strings"
	"testing"
)

func TestUpdateCheck(t *testing.T) {
	params := []Param{{Name: "gamma", Kind: Gamma, Shape: []int{5}}, {Name: "bias", Kind: LinearBias, Shape: []int{2}}}
	adam := Update{Kind: AdamW, LR: 1, Beta1: 0.9, Beta2: 0.9, Eps: 1, Steps: []int{1}}
	noStep, badStep, badBeta := adam, adam, adam
	noStep.Steps, badStep.Steps, badBeta.Beta1 = nil, []int{0}, 1
	for _, test := range []struct {
		want string
		rule Update
		ids  []ParamID
	}{
		{"no parameter 3", Update{LR: 1}, []ParamID{0, 3}},
		{"parameter 0 (gamma) is listed twice", Update{LR: 1}, []ParamID{0, 0}},
		{"no optimizer 2", Update{Kind: 2, LR: 1}, []ParamID{0}},
		{"a setting is NaN", Update{LR: math.NaN()}, []ParamID{0}},
		{"a setting is -1", Update{LR: 1, ClipNorm: -1}, []ParamID{0}},
		{"0 step counts for 1 parameters", noStep, []ParamID{0}},
		{"step count 0 is 0", badStep, []ParamID{0}},
		{"β₁ = 1", badBeta, []ParamID{0}},
	} {
		if err := test.rule.check(params, test.ids); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, must contain %q", err, test.want)
		}
	}
	if err := adam.check(params, []ParamID{1}); err != nil {
		t.Error(err)
	}
}
