package ntk

import (
	"errors"
	"math"
	"slices"
	"testing"

	"bnas.example/kernels"
)

// The closed form against the steps f ← f − η/n·Θ(f − y).
func TestLinearIsTheStepsInClosedForm(t *testing.T) {
	theta := symmetric(3, 4, 1, 0, 1, 3, -1, 0, -1, 2)
	f, y := []float64{1, -2, .5}, []float64{0, 1, 1}
	const n, rate = 3, .4
	l, err := NewLinear(theta, f, y, n)
	if err != nil {
		t.Fatal(err)
	}
	f = append([]float64(nil), f...)
	for step := range 6 {
		for i, v := range l.At(step, rate) {
			if !(math.Abs(v-f[i]) <= 1e-12) {
				t.Errorf("step %d: output %d is %v, want %v", step, i, v, f[i])
			}
		}
		var change [3]float64
		for i := range f {
			for j := range f {
				change[i] -= rate / n * theta.At(i, j) * (f[j] - y[j])
			}
		}
		for i, c := range change {
			f[i] += c
		}
	}
	values, err := Eigenvalues(theta)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Rate(.5) * values[2] / n; !(math.Abs(got-.5) <= 1e-12) {
		t.Errorf("η·λ_max/n = %v, want .5", got)
	}
	if _, err := NewLinear(theta, f[:2], y, n); err == nil {
		t.Error("two outputs of a kernel of three")
	}
}

func TestSquaredLossAndDistance(t *testing.T) {
	if got := SquaredLoss([]float64{1, 2, 3, 4}, []float64{1, 0, 3, 2}, 2); got != 2 {
		t.Errorf("loss %v, want (4 + 4)/4", got)
	}
	if got, err := Distance([]float64{3, 4}, []float64{3, 1}, []float64{0, 0}); err != nil || !(math.Abs(got-.6) <= 1e-15) {
		t.Errorf("distance %v, %v; want 3/5", got, err)
	}
	if _, err := Distance([]float64{1}, []float64{2}, []float64{1}); err == nil {
		t.Error("distance of outputs that did not move")
	}
}

// With frozen statistics a network is linear in its classifier: descent on it is the linear network's.
func TestDescentOfTheClassifierIsLinear(t *testing.T) {
	p, e := few(t, 3)
	c := p.program.Classifiers()[0]
	train := []kernels.ParamID{c.Weight, c.Bias}
	k, err := OutputKernels(e, p.now, p.images, kernels.FreezeStatistics, train)
	if err != nil {
		t.Fatal(err)
	}
	d := Descent{Exec: e, Store: p.now, Images: p.images, Target: []float64{1, 0, 0, 0, 1, 0, 0, 0, 1}, Train: train, Statistics: kernels.FreezeStatistics}
	start := outputs(t, d)
	l, err := NewLinear(k[0], start, d.Target, 3)
	if err != nil {
		t.Fatal(err)
	}
	d.Rate = l.Rate(1)
	f := start
	for step := 1; step <= 12; step++ {
		if err := d.Step(f); err != nil {
			t.Fatal(err)
		}
		f = outputs(t, d)
		if apart, err := Distance(f, l.At(step, d.Rate), start); err != nil || !(apart < 1e-4) {
			t.Errorf("step %d: the linear network is %v of the way apart, %v", step, apart, err)
		}
	}
}

// The order in which the parameters are named changes nothing: a step has the gradients of all.
func TestDescentOfWeightsAndGammas(t *testing.T) {
	p, e := few(t, 3)
	weight, gamma := p.program.Steps[0].Branches[0].Weight, p.program.BNs[0].Gamma
	was := p.elements(t, weight)
	for _, train := range [][]kernels.ParamID{{gamma, weight}, {weight, gamma}} {
		if err := p.now.Write(kernels.Data, was, weight); err != nil {
			t.Fatal(err)
		}
		d := Descent{Exec: e, Store: p.now, Images: p.images, Target: make([]float64, 9), Train: train, Rate: .1}
		if err := d.Step(outputs(t, d)); err != nil {
			t.Fatal(err)
		}
		if slices.Equal(p.elements(t, weight), was) {
			t.Errorf("%v: the weights of the convolution stay", train)
		}
		if err := p.now.Write(kernels.Grad, make([]float32, len(was)), weight); err != nil {
			t.Fatal(err)
		}
	}
}

// With frozen statistics the outputs are those of the statistics that the Exec has, not those of the images.
func TestDescentKeepsFrozenStatistics(t *testing.T) {
	p, e := few(t, 3)
	n := p.program.BNParams() / 2
	mean, variance := make([]float64, n), make([]float64, n)
	for i := range variance {
		mean[i], variance[i] = .1, 2
	}
	want := make([]float32, 9)
	if err := errors.Join(e.SetStatistics(mean, variance), e.Forward(p.images, 0), e.Logits(want)); err != nil {
		t.Fatal(err)
	}
	d := Descent{Exec: e, Store: p.now, Images: p.images, Target: make([]float64, 9), Statistics: kernels.FreezeStatistics}
	if got := outputs(t, d); !slices.EqualFunc(got, want, func(a float64, b float32) bool { return a == float64(b) }) {
		t.Errorf("outputs %v, want %v", got, want)
	}
}

// elements reads a parameter of the second store.
func (p path) elements(t *testing.T, id kernels.ParamID) []float32 {
	t.Helper()
	v := make([]float32, p.now.Params()[id].Len())
	if err := p.now.Read(kernels.Data, v, id); err != nil {
		t.Fatal(err)
	}
	return v
}

func outputs(t *testing.T, d Descent) []float64 {
	t.Helper()
	f, err := d.Outputs()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A step of γ and β at a small rate is that of the linear network up to O(η), with the statistics of the batch too.
func TestDescentStartsAsTheLinearNetwork(t *testing.T) {
	p, e := few(t, 3)
	k, err := OutputKernels(e, p.now, p.images, kernels.DifferentiateStatistics, p.program.Affine())
	if err != nil {
		t.Fatal(err)
	}
	d := Descent{Exec: e, Store: p.now, Images: p.images, Target: make([]float64, 9), Train: p.program.Affine()}
	var apart [2]float64
	for i, x := range []float64{.02, .01} {
		if err := restore(p, d.Train); err != nil {
			t.Fatal(err)
		}
		start := outputs(t, d)
		l, err := NewLinear(k[0], start, d.Target, 3)
		if err != nil {
			t.Fatal(err)
		}
		d.Rate = l.Rate(x)
		if err := d.Step(start); err != nil {
			t.Fatal(err)
		}
		if apart[i], err = Distance(outputs(t, d), l.At(1, d.Rate), start); err != nil {
			t.Fatal(err)
		}
	}
	if ratio := apart[0] / apart[1]; !(ratio > 1.7 && ratio < 2.3) {
		t.Errorf("apart by %v, and by %v at half the rate; want twice as much", apart[0], apart[1])
	}
}

func TestExponent(t *testing.T) {
	if got, err := Exponent([]float64{1, 2, 4, 8}, []float64{3, 3 / math.Sqrt2, 1.5, 1.5 / math.Sqrt2}); err != nil || !(math.Abs(got+.5) <= 1e-12) {
		t.Errorf("exponent %v, %v; want −½", got, err)
	}
	for name, xy := range map[string][2][]float64{
		"one x": {{2, 2}, {1, 3}}, "a zero": {{1, 2}, {1, 0}}, "an x of zero": {{0, 2}, {1, 1}}, "two lengths": {{1, 2}, {1}}, "not a number": {{1, 2}, {1, math.NaN()}}, "none": {},
	} {
		if _, err := Exponent(xy[0], xy[1]); err == nil {
			t.Errorf("exponent of %s", name)
		}
	}
}
