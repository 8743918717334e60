package ntk

import (
	"errors"
	"math"
	"slices"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// path is one path of a small supernet on the reference device. It has a store at initialisation, a second store whose
// parameters a test changes, and images.
type path struct {
	dev        kernels.Device
	program    *kernels.Program
	start, now kernels.Store
	images     []float32
}

// newPath sets β to beta in both stores. At β = 5 every rectifier is on, and f is a smooth function of θ.
func newPath(t *testing.T, beta float32) path {
	t.Helper()
	net, err := supernet.New(supernet.Config{Space: "nas-bench-201", BN: supernet.Fair, Seed: 3, Classes: 3, Height: 8, Width: 8, Channels: 4, Cells: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := path{dev: ref.New(), images: make([]float32, 6*3*8*8)}
	t.Cleanup(func() { p.dev.Close() })
	philox.New(5, "images", 0).Normal(p.images, 1)
	for _, s := range []*kernels.Store{&p.start, &p.now} {
		if *s, err = p.dev.NewStore(net.Params()); err != nil {
			t.Fatal(err)
		}
		if err := net.Fill(*s); err != nil {
			t.Fatal(err)
		}
	}
	a, err := net.Space.Parse("|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|")
	if err != nil {
		t.Fatal(err)
	}
	if p.program, err = net.Program(a); err != nil {
		t.Fatal(err)
	}
	for _, bn := range p.program.BNs {
		all := slices.Repeat([]float32{beta}, net.Params()[bn.Beta].Len())
		if err := errors.Join(p.start.Write(kernels.Data, all, bn.Beta), p.now.Write(kernels.Data, all, bn.Beta)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// move sets θ of the second store to θ_0 + epsilon·δ. δ is a fixed normal sample.
func (p path) move(t *testing.T, epsilon float64) {
	t.Helper()
	for i, bn := range p.program.BNs {
		for k, id := range []kernels.ParamID{bn.Gamma, bn.Beta} {
			n := p.start.Params()[id].Len()
			theta, delta := make([]float32, n), make([]float32, n)
			if err := p.start.Read(kernels.Data, theta, id); err != nil {
				t.Fatal(err)
			}
			philox.New(9, "delta", uint64(2*i+k)).Normal(delta, 1)
			for c := range theta {
				theta[c] += float32(epsilon) * delta[c]
			}
			if err := p.now.Write(kernels.Data, theta, id); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (p path) compare(t *testing.T) Regime {
	t.Helper()
	r, err := Compare(p.dev, p.program, p.start, p.now, p.images)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCompareAtInitialisation(t *testing.T) {
	r := newPath(t, 0).compare(t)
	if r.Drift != 0 || !(math.Abs(r.Alignment-1) <= 1e-12) || !(math.Abs(r.CentredAlignment-1) <= 1e-12) || r.LinearisedError != 0 {
		t.Errorf("nothing has moved: %+v", r)
	}
	if r.LogCondition != r.LogConditionStart || !(r.LogCondition > 0) || r.Images != 6 {
		t.Errorf("log κ of one network twice: %+v", r)
	}
}

// f is linear in a small step of θ: the relative error is O(ε), and so is the drift.
func TestCompareIsLinearInTheStep(t *testing.T) {
	p := newPath(t, 5)
	p.move(t, .02)
	whole := p.compare(t)
	p.move(t, .01)
	half := p.compare(t)
	for _, c := range []struct {
		name        string
		whole, half float64
	}{{"linearised error", whole.LinearisedError, half.LinearisedError}, {"drift", whole.Drift, half.Drift}} {
		if ratio := c.whole / c.half; !(c.half > 0 && ratio >= 1.7 && ratio <= 2.3) {
			t.Errorf("%s: %v for a step, %v for its half; want twice as much", c.name, c.whole, c.half)
		}
	}
	if !(half.LinearisedError <= .2 && half.Alignment < 1 && half.Alignment >= .99) {
		t.Errorf("a small step: %+v", half)
	}
}

// By hand: of two images every centred kernel is a multiple of the other.
func TestFiguresOfTwoKernels(t *testing.T) {
	var r Regime
	if err := r.compareKernels(symmetric(2, 3, 0, 0, 4), symmetric(2, 3, 0, 0, 9)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"drift", r.Drift, 5. / 5},
		{"alignment", r.Alignment, 45 / (5 * math.Sqrt(90))},
		{"centred alignment", r.CentredAlignment, 1},
		{"log κ at the start", r.LogConditionStart, math.Log(4. / 3)},
		{"log κ", r.LogCondition, math.Log(3)},
	} {
		if !(math.Abs(c.got-c.want) < 1e-12) {
			t.Errorf("%s is %v, want %v", c.name, c.got, c.want)
		}
	}
}

// A node's factor is the root mean square of all γ and β that enter it.
func TestGaugeFactors(t *testing.T) {
	value := func(c int) kernels.Value { return kernels.Value{Shape: kernels.Shape{C: c, H: 1, W: 1}} }
	p := &kernels.Program{
		Values: []kernels.Value{value(3), value(2), value(2), value(1)},
		BNs:    []kernels.BN{{Value: 1}, {Value: 2}, {Value: 3}},
		Nodes: []kernels.Node{
			{Terms: []kernels.Term{{Value: 3, BN: 2}}},
			{Terms: []kernels.Term{{Value: 1, BN: 0}, {Value: 2, BN: 1}}},
		},
	}
	got := GaugeFactors(p, [][]float64{{1, 2}, {0, 3}, {3}}, [][]float64{{1, 0}, {-1, 2}, {-4}})
	want := append(slices.Repeat([]float64{math.Sqrt(20. / 8)}, 8), slices.Repeat([]float64{math.Sqrt(25. / 2)}, 2)...)
	if !slices.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }) {
		t.Errorf("factors %v, want %v", got, want)
	}
}

// J·δ against central differences of the logits, with frozen statistics.
func TestLinearisedChangeByFiniteDifferences(t *testing.T) {
	p := newPath(t, 5)
	n := len(p.images) / p.program.Values[kernels.Images].Len()
	e, err := p.dev.Compile(p.program, p.start, n)
	if err != nil {
		t.Fatal(err)
	}
	mean, variance := make([]float64, p.program.BNParams()/2), make([]float64, p.program.BNParams()/2)
	if err := e.Forward(p.images, n); err != nil {
		t.Fatal(err)
	}
	if err := e.Statistics(mean, variance); err != nil {
		t.Fatal(err)
	}
	const h = 2e-3
	at := func(epsilon float64) (logits []float32, step []float64) {
		p.move(t, epsilon)
		step, err := affineStep(p.program, p.start, p.now)
		if err != nil {
			t.Fatal(err)
		}
		e, err := p.dev.Compile(p.program, p.now, n)
		if err != nil {
			t.Fatal(err)
		}
		l, err := lookAt(e, p.images, mean, variance, nil)
		if err != nil {
			t.Fatal(err)
		}
		return l.logits, step
	}
	up, step := at(h)
	down, back := at(-h)
	for i := range step {
		step[i] -= back[i]
	}
	e, err = p.dev.Compile(p.program, p.start, n)
	if err != nil {
		t.Fatal(err)
	}
	got, err := lookAt(e, p.images, mean, variance, step)
	if err != nil {
		t.Fatal(err)
	}
	var missed, size float64
	for i := range up {
		d := float64(up[i]) - float64(down[i])
		missed += (d - got.change[i]) * (d - got.change[i])
		size += d * d
	}
	if relative := math.Sqrt(missed / size); !(relative <= .01) {
		t.Errorf("J·δ differs from the logits' change by %v of it", relative)
	}
}

func TestCompareRefuses(t *testing.T) {
	p := newPath(t, 5)
	if _, err := Compare(p.dev, p.program, p.start, p.now, p.images[:3*8*8]); err == nil {
		t.Error("one image")
	}
	if _, err := linearisedError([]float32{1}, []float64{.5}, []float32{1}); err == nil {
		t.Error("a change of θ without one of the logits")
	}
}
