package hoststore_test

import (
	"math"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"bnas.example/kernels"
	"bnas.example/kernels/hoststore"
	"bnas.example/philox"
)

// parameter is a gorgonia.ValueGrad.
type parameter struct{ value, grad *tensor.Dense }

func (p parameter) Value() gorgonia.Value         { return p.value }
func (p parameter) Grad() (gorgonia.Value, error) { return p.grad, nil }

// Gorgonia's solvers are correct without decay, without Nesterov and with a constant rate: the velocity of its momentum
// contains the rate, and its Adam is AdamW. Its mean square starts at zero, as ours is where nothing is left of its start.
func TestGorgonia(t *testing.T) {
	const n = 5
	for _, test := range []struct {
		name   string
		rule   kernels.Update
		solver gorgonia.Solver
		before int // updates before the first
	}{
		{"momentum", kernels.Update{Kind: kernels.SGD, LR: 0.1, Momentum: 0.9},
			gorgonia.NewMomentum(gorgonia.WithLearnRate(0.1), gorgonia.WithMomentum(0.9)), 0},
		{"adam", kernels.Update{Kind: kernels.AdamW, LR: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8},
			gorgonia.NewAdamSolver(gorgonia.WithLearnRate(0.01), gorgonia.WithBeta1(0.9), gorgonia.WithBeta2(0.999), gorgonia.WithEps(1e-8)), 0},
		{"rmsprop", kernels.Update{Kind: kernels.RMSProp, LR: 0.01, Beta2: 0.9, Eps: 0.1},
			gorgonia.NewRMSPropSolver(gorgonia.WithLearnRate(0.01), gorgonia.WithRho(0.9), gorgonia.WithEps(0.1)), 100_000},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := hoststore.New(params())
			p := parameter{tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(n)), tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(n))}
			for step := range 20 {
				grad := p.grad.Data().([]float32) // zeroed by each Step
				philox.New(1, "gorgonia", uint64(step)).Normal(grad, 1)
				must(t, s.Write(kernels.Grad, grad, 0))
				test.rule.Steps = []int{test.before + step + 1}
				_, err := s.Update(test.rule, []kernels.ParamID{0})
				must(t, err)
				must(t, test.solver.Step([]gorgonia.ValueGrad{p}))
				for i, want := range p.value.Data().([]float32) {
					if got := s.Slice(0, kernels.Data)[i]; !(math.Abs(float64(got-want)) <= 1e-5) {
						t.Errorf("step %d: element %d is %v, gorgonia has %v", step, i, got, want)
					}
				}
			}
		})
	}
}
