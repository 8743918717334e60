package ref_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// golden is a network with its results in PyTorch. scripts/golden_torch.py writes it.
type golden struct {
	Program   *kernels.Program
	Params    []kernels.Param
	Data      [][]float32
	Images    []float32
	Labels    []int
	Smoothing float64
	Runs      map[string]goldenRun
}

type goldenRun struct {
	StatRows       int
	Logits         []float64
	Loss           float64
	Mean, Variance []float64
	Gradients      [][]float64
	Sample         []float64
}

func TestPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/torch.json")
	if err != nil {
		t.Fatal(err)
	}
	var nets []golden
	if err := json.Unmarshal(text, &nets); err != nil {
		t.Fatal(err)
	}
	for _, g := range nets {
		for mode, run := range g.Runs {
			t.Run(g.Program.Name+" "+mode, func(t *testing.T) { g.check(t, run) })
		}
	}
}

func (g golden) check(t *testing.T, want goldenRun) {
	e := compile(t, g.Program, g.Params, g.Data, len(g.Labels))
	if want.StatRows == 0 {
		must(t, e.SetStatistics(want.Mean, want.Variance))
	}
	must(t, e.Forward(g.Images, want.StatRows))
	near(t, "logits", e.Values(g.Program.Logits()), want.Logits)
	mean, variance := make([]float64, len(want.Mean)), make([]float64, len(want.Mean))
	must(t, e.Statistics(mean, variance))
	near(t, "mean", mean, want.Mean)
	near(t, "variance", variance, want.Variance)
	must(t, e.CrossEntropy(g.Labels, g.Smoothing))
	loss, _, err := e.Loss()
	must(t, err)
	near(t, "loss", []float64{loss}, []float64{want.Loss})
	mode := kernels.DifferentiateStatistics
	if want.StatRows == 0 {
		mode = kernels.FreezeStatistics
	}
	if want.Gradients != nil {
		must(t, e.Backward(mode, true))
		for id := range g.Params {
			near(t, fmt.Sprintf("gradient of %s", g.Params[id].Name), e.Gradient(kernels.ParamID(id)), want.Gradients[id])
		}
	}
	if want.Sample != nil {
		must(t, e.SampleGradients(make([]float32, len(want.Sample))))
		near(t, "sample gradients", e.Sample(), want.Sample)
	}
}

// compile makes an Exec with the given parameters.
func compile(t *testing.T, p *kernels.Program, params []kernels.Param, data [][]float32, n int) *ref.Exec {
	t.Helper()
	d := ref.New()
	s, err := d.NewStore(params)
	must(t, err)
	for id := range data {
		must(t, s.Write(kernels.Data, data[id], kernels.ParamID(id)))
	}
	e, err := d.Compile(p, s, n)
	must(t, err)
	return ref.Of(e)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// near compares to 10⁻⁸ of the largest element: the golden values have ten digits.
func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d elements, must be %d", what, len(got), len(want))
		return
	}
	scale := 0.0
	for _, v := range want {
		scale = max(scale, math.Abs(v))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 1e-8*scale+1e-14) {
			t.Errorf("%s: element %d is %.12g, must be %.12g", what, i, got[i], want[i])
			return
		}
	}
}
