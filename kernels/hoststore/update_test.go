package hoststore_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/hoststore"
)

// sequence is a recorded run of an optimizer in PyTorch. scripts/golden_torch.py writes it; its RMSProp is TensorFlow's.
type sequence struct {
	Start [][]float32
	Steps []struct {
		Gradients [][]float32
		Norm      *float64
		Data      [][]float64
	}
}

func TestPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/torch.json")
	must(t, err)
	var sequences map[string]sequence
	must(t, json.Unmarshal(text, &sequences))
	momentum := kernels.Update{Kind: kernels.SGD, LR: 0.125, Momentum: 0.75, WeightDecayWeights: 0.25}
	clipped, nesterov := momentum, momentum
	clipped.ClipNorm = 2
	nesterov.Nesterov = true
	rules := map[string]kernels.Update{
		"sgd":      {Kind: kernels.SGD, LR: 0.125, WeightDecayWeights: 0.25},
		"momentum": clipped,
		"nesterov": nesterov,
		"adamw":    {Kind: kernels.AdamW, LR: 0.125, Beta1: 0.75, Beta2: 0.875, Eps: 0x1p-10, WeightDecayWeights: 0.25, ClipNorm: 1e6},
		"rmsprop":  {Kind: kernels.RMSProp, LR: 0.125, Momentum: 0.75, Beta2: 0.875, Eps: 1, WeightDecayWeights: 0.25, ClipNorm: 2},
	}
	if len(rules) != len(sequences) {
		t.Fatalf("%d sequences", len(sequences))
	}
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) { follow(t, rule, sequences[name]) })
	}
}

func follow(t *testing.T, rule kernels.Update, seq sequence) {
	s := hoststore.New(params())
	ids := []kernels.ParamID{0, 1}
	for _, id := range ids {
		must(t, s.Write(kernels.Data, seq.Start[id], id))
	}
	for i, step := range seq.Steps {
		for _, id := range ids {
			must(t, s.Write(kernels.Grad, step.Gradients[id], id))
		}
		rule.Steps = []int{i + 1, i + 1}
		norm, err := s.Update(rule, ids)
		must(t, err)
		if step.Norm != nil && !(math.Abs(norm-*step.Norm) <= 1e-6*norm) {
			t.Errorf("step %d: norm %v, must be %v", i, norm, *step.Norm)
		}
		for _, id := range ids {
			for k, want := range step.Data[id] {
				if got := float64(s.Slice(id, kernels.Data)[k]); !(math.Abs(got-want) <= 2e-6) {
					t.Errorf("step %d: parameter %d element %d is %.9g, must be %.9g", i, id, k, got, want)
				}
			}
		}
	}
}

// With a constant gradient g and no decay, after T steps: momentum has moved θ by −lr·g·Σ_t (1−μᵗ)/(1−μ), Nesterov's
// by −lr·g·Σ_t (1−μᵗ⁺¹)/(1−μ), and AdamW, whose m̂ = g and √v̂ = |g|, by −lr·T·g/(|g|+ε).
func TestClosedForms(t *testing.T) {
	const lr, mu, eps, steps = 0.01, 0.9, 1e-3, 20
	grad := []float32{1, -2, 0.5, 3, -0.25}
	sums := func(extra float64) float64 {
		sum := 0.0
		for step := 1.0; step <= steps; step++ {
			sum += (1 - math.Pow(mu, step+extra)) / (1 - mu)
		}
		return sum
	}
	for _, test := range []struct {
		rule kernels.Update
		move func(g float64) float64
	}{
		{kernels.Update{LR: lr}, func(g float64) float64 { return lr * g * steps }},
		{kernels.Update{LR: lr, Momentum: mu}, func(g float64) float64 { return lr * g * sums(0) }},
		{kernels.Update{LR: lr, Momentum: mu, Nesterov: true}, func(g float64) float64 { return lr * g * sums(1) }},
		{kernels.Update{Kind: kernels.AdamW, LR: lr, Beta1: mu, Beta2: 0.99, Eps: eps}, func(g float64) float64 {
			return lr * steps * g / (math.Abs(g) + eps)
		}},
	} {
		s := hoststore.New(params())
		must(t, s.Write(kernels.Grad, grad, 0))
		for step := range steps {
			test.rule.Steps = []int{step + 1}
			_, err := s.Update(test.rule, []kernels.ParamID{0})
			must(t, err)
		}
		for i, g := range grad {
			if got, want := float64(s.Slice(0, kernels.Data)[i]), -test.move(float64(g)); !(math.Abs(got-want) <= 1e-5*math.Abs(want)) {
				t.Errorf("%+v: gradient %v moves by %v, must be %v", test.rule, g, got, want)
			}
		}
	}
}

// γ and β decay with WeightDecay, weights and bias with WeightDecayWeights. The decay of AdamW does not enter its moments.
// RMSProp divides the decay of a weight, 0.25 or 0.5, by √(ms + 1) with ms = 0.25² or 0.5².
func TestWeightDecay(t *testing.T) {
	l2 := func(g float64) float32 { return float32(1 - 0.5*g/math.Sqrt(g*g+1)) }
	for kind, decayed := range map[kernels.OptimizerKind][]float32{
		kernels.SGD: {0.875, 0.75, 0.75}, kernels.AdamW: {0.875, 0.75, 0.75}, kernels.RMSProp: {l2(0.25), l2(0.5), l2(0.5)},
	} {
		s := hoststore.New(params())
		for id, p := range params() {
			must(t, s.Write(kernels.Data, slices.Repeat([]float32{1}, p.Len()), kernels.ParamID(id)))
		}
		_, err := s.Update(kernels.Update{Kind: kind, LR: 0.5, WeightDecay: 0.25, WeightDecayWeights: 0.5, Eps: 1, Steps: []int{1, 1, 1}}, []kernels.ParamID{0, 1, 2})
		must(t, err)
		for id, want := range decayed {
			if got := s.Slice(kernels.ParamID(id), kernels.Data)[0]; got != want {
				t.Errorf("optimizer %d: parameter %d decays to %v, must be %v", kind, id, got, want)
			}
		}
	}
}

// Two steps of RMSProp by hand, with β = 1/2 and ε = 1 and powers of two. With g = 2, then 0:
// ms = (1 + 4)/2 = 2.5, then 1.25; v = lr·2/√3.5, then μ·v; with ε outside of the root the first would be lr·2/(√2.5 + 1).
func TestRMSProp(t *testing.T) {
	const first = 0.2672612419124244 // 0.25·2/√3.5
	for _, test := range []struct {
		name      string
		rule      kernels.Update
		gradients []float32
		data      []float64 // after each step, from 1
		velocity  []float64
		square    []float64 // Moment2: ms less the rest of its start, 1/2, then 1/4
	}{
		{"no momentum", kernels.Update{}, []float32{2, 0},
			[]float64{1 - first, 1 - first}, []float64{0, 0}, []float64{2, 1}},
		{"momentum", kernels.Update{Momentum: 0.5}, []float32{2, 0},
			[]float64{1 - first, 1 - 1.5*first}, []float64{first, first / 2}, []float64{2, 1}},
		{"a gradient in the second step", kernels.Update{Momentum: 0.5}, []float32{0, 2}, // ms = 0.5, then (0.5 + 4)/2 = 2.25
			[]float64{1, 1 - 0.2773500981126146}, []float64{0, 0.2773500981126146}, []float64{0, 2}}, // 0.25·2/√3.25
		{"decay", kernels.Update{WeightDecay: 2}, []float32{0}, // g = 2·θ = 2
			[]float64{1 - first}, []float64{0}, []float64{2}},
		{"clipped", kernels.Update{ClipValue: 2}, []float32{5},
			[]float64{1 - first}, []float64{0}, []float64{2}},
	} {
		s := hoststore.New(params())
		must(t, s.Write(kernels.Data, []float32{1, 1, 1, 1, 1}, 0))
		rule := test.rule
		rule.Kind, rule.LR, rule.Beta2, rule.Eps = kernels.RMSProp, 0.25, 0.5, 1
		for step, g := range test.gradients {
			must(t, s.Write(kernels.Grad, []float32{0, g, 0, 0, 0}, 0))
			rule.Steps = []int{step + 1}
			_, err := s.Update(rule, []kernels.ParamID{0})
			must(t, err)
			for slot, want := range map[kernels.Slot]float64{kernels.Data: test.data[step], kernels.Moment1: test.velocity[step], kernels.Moment2: test.square[step]} {
				if got := float64(s.Slice(0, slot)[1]); !(math.Abs(got-want) <= 1e-7) {
					t.Errorf("%s: step %d: slot %d is %.9g, want %.9g", test.name, step+1, slot, got, want)
				}
			}
		}
	}
}

// Gradients are clipped by their common norm. Parameters that are not listed do not change and do not count in the norm.
func TestClipAndIDs(t *testing.T) {
	s := hoststore.New(params())
	must(t, s.Write(kernels.Grad, []float32{3, 0, 0, 0, 0}, 0))
	must(t, s.Write(kernels.Grad, []float32{100, 0, 0, 0, 0, 0}, 1))
	must(t, s.Write(kernels.Grad, []float32{0, 4}, 2))
	norm, err := s.Update(kernels.Update{LR: 1, ClipNorm: 1}, []kernels.ParamID{0, 2})
	must(t, err)
	if norm != 5 {
		t.Errorf("norm %v, must be 5", norm)
	}
	got := []float32{s.Slice(0, kernels.Data)[0], s.Slice(1, kernels.Data)[0], s.Slice(2, kernels.Data)[1]}
	for i, want := range []float64{-0.6, 0, -0.8} {
		if !(math.Abs(float64(got[i])-want) <= 1e-6) {
			t.Errorf("parameter %d is %v, must be %v", i, got[i], want)
		}
	}
	if s.Slice(0, kernels.Grad)[0] != 3 {
		t.Error("the gradient itself was clipped")
	}
}

// A gradient that is not finite is an error that names its parameter and element. Nothing is updated.
func TestUpdateOfNaN(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(-1)} {
		s := hoststore.New(params())
		must(t, s.Write(kernels.Grad, []float32{1, 1}, 2))
		must(t, s.Write(kernels.Grad, []float32{0, 0, 0, float32(bad), 0}, 0))
		_, err := s.Update(kernels.Update{LR: 1}, []kernels.ParamID{2, 0})
		if want := fmt.Sprintf("gradient of parameter 0 (gamma) is %v at element 3", bad); err == nil || err.Error() != want {
			t.Errorf("error %v, must be %q", err, want)
		}
		for id, p := range params() {
			if !slices.Equal(s.Slice(kernels.ParamID(id), kernels.Data), make([]float32, p.Len())) {
				t.Errorf("%v: parameter %d was changed", bad, id)
			}
		}
	}
}

// An update on several threads has the bits of one on a single thread, for each rule.
func TestThreads(t *testing.T) {
	table := []kernels.Param{
		{Name: "gamma", Kind: kernels.Gamma, Shape: []int{5}},
		{Name: "conv", Kind: kernels.ConvWeight, Shape: []int{83, 101, 3, 3}},
		{Name: "unused", Kind: kernels.ConvWeight, Shape: []int{7, 1, 1, 1}},
		{Name: "linear", Kind: kernels.LinearWeight, Shape: []int{10, 1000}},
	}
	ids := []kernels.ParamID{1, 0, 3}
	for _, kind := range []kernels.OptimizerKind{kernels.SGD, kernels.AdamW, kernels.RMSProp} {
		rule := kernels.Update{Kind: kind, LR: 0.1, Momentum: 0.9, Beta1: 0.9, Beta2: 0.99, Eps: 0.1, ClipNorm: 1, WeightDecay: 0.1, WeightDecayWeights: 0.2}
		stores := []*hoststore.Store{hoststore.New(table), hoststore.New(table)}
		stores[1].Threads = 3
		for step := range 2 {
			rule.Steps = []int{step + 1, step + 1, step + 1}
			for _, s := range stores {
				for id, p := range table {
					grad := make([]float32, p.Len())
					for i := range grad {
						grad[i] = float32(math.Sin(float64(i + step + id)))
					}
					must(t, s.Write(kernels.Grad, grad, kernels.ParamID(id)))
				}
				_, err := s.Update(rule, ids)
				must(t, err)
			}
		}
		for id := range table {
			for _, slot := range []kernels.Slot{kernels.Data, kernels.Moment1, kernels.Moment2} {
				if one, three := stores[0].Slice(kernels.ParamID(id), slot), stores[1].Slice(kernels.ParamID(id), slot); !slices.Equal(one, three) {
					t.Errorf("optimizer %d: slot %d of parameter %d differs", kind, slot, id)
				}
			}
		}
		if stores[0].Slice(2, kernels.Data)[0] != 0 || stores[0].Slice(1, kernels.Data)[0] == stores[0].Slice(1, kernels.Data)[1] {
			t.Errorf("optimizer %d updates the wrong elements", kind)
		}
	}
}
