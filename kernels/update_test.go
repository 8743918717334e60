package kernels_test

import (
	"math"
	"strings"
	"testing"

	"bnas.example/kernels"
)

func TestUpdateCheck(t *testing.T) {
	params := []kernels.Param{{Name: "gamma", Kind: kernels.Gamma, Shape: []int{5}}, {Name: "bias", Kind: kernels.LinearBias, Shape: []int{2}}}
	adam := kernels.Update{Kind: kernels.AdamW, LR: 1, Beta1: 0.9, Beta2: 0.9, Eps: 1, Steps: []int{1}}
	noStep, badStep, badBeta := adam, adam, adam
	noStep.Steps, badStep.Steps, badBeta.Beta1 = nil, []int{0}, 1
	for _, test := range []struct {
		want string
		rule kernels.Update
		ids  []kernels.ParamID
	}{
		{"no parameter 3", kernels.Update{LR: 1}, []kernels.ParamID{0, 3}},
		{"parameter 0 (gamma) is listed twice", kernels.Update{LR: 1}, []kernels.ParamID{0, 0}},
		{"no optimizer 2", kernels.Update{Kind: 2, LR: 1}, []kernels.ParamID{0}},
		{"a setting is NaN", kernels.Update{LR: math.NaN()}, []kernels.ParamID{0}},
		{"a setting is -1", kernels.Update{LR: 1, ClipNorm: -1}, []kernels.ParamID{0}},
		{"0 step counts for 1 parameters", noStep, []kernels.ParamID{0}},
		{"step count 0 is 0", badStep, []kernels.ParamID{0}},
		{"β₁ = 1", badBeta, []kernels.ParamID{0}},
	} {
		if err := test.rule.Check(params, test.ids); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, must contain %q", err, test.want)
		}
	}
	if err := adam.Check(params, []kernels.ParamID{1}); err != nil {
		t.Error(err)
	}
}
