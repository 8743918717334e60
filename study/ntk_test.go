package study

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/ntk"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// tangentOf is a small network on the reference device.
func tangentOf(t *testing.T, how kernels.StatGrad) *tangentTask {
	t.Helper()
	net, err := supernet.New(supernet.Config{Space: cellSpace, BN: supernet.Fair, Seed: 1, Classes: 3, Height: 8, Width: 8, Channels: 2, Cells: 1})
	if err != nil {
		t.Fatal(err)
	}
	a, err := net.Space.Parse(tangentCell)
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	dev := ref.New()
	t.Cleanup(func() { dev.Close() })
	store, err := net.NewStore(dev)
	if err != nil {
		t.Fatal(err)
	}
	task := &tangentTask{net: net, program: p, store: store, images: make([]float32, 4*3*8*8), labels: []int{0, 1, 2, 1}, how: how, report: func(string, int, int) {}}
	philox.New(1, "images", 0).Normal(task.images, 1)
	if task.exec, err = dev.Compile(p, store, 4); err != nil {
		t.Fatal(err)
	}
	if err := task.exec.Forward(task.images, 4); err != nil {
		t.Fatal(err)
	}
	return task
}

// A course has the matched rate, starts without a change, and looks at outputs and kernels where it should.
func TestCourse(t *testing.T) {
	for _, how := range []kernels.StatGrad{kernels.DifferentiateStatistics, kernels.FreezeStatistics} {
		for _, set := range tangentTrained {
			task := tangentOf(t, how)
			pair, err := task.pair()
			if err != nil {
				t.Fatal(err)
			}
			values, err := ntk.Eigenvalues(pair.of(set))
			if err != nil {
				t.Fatal(err)
			}
			c, err := task.run(t.Context(), set, []int{1, 2, 4, 8}, []int{4, 8})
			if err != nil {
				t.Fatal(err)
			}
			if x := c.Rate * values[len(values)-1] / 4; !(math.Abs(x-matchedRate) <= 1e-9) {
				t.Errorf("%s: η·λ_max/n = %v, want %v", set, x, matchedRate)
			}
			if want := kernels.Elements(task.net.Params(), task.net.Trainable(set, task.program)); c.Parameters != want {
				t.Errorf("%s: %d parameters, want %d", set, c.Parameters, want)
			}
			if m := c.Moments[0]; m.Kernel.Drift != 0 || !(math.Abs(m.Kernel.Alignment-1) <= 1e-12) || m.Error != 0 || !(math.Abs(m.Loss-m.LinearLoss) <= 1e-9) {
				t.Errorf("%s at the start: %+v, %+v", set, m, m.Kernel)
			}
			last := c.Moments[len(c.Moments)-1]
			if !(last.Loss < c.Moments[0].Loss) || !(last.Kernel.Drift > 0) || c.Third == nil || !(c.Third.Loss <= c.Moments[0].Loss*2/3) || c.Third.Kernel == nil {
				t.Fatalf("%s: end %+v, a third %+v", set, last, c.Third)
			}
			for i, m := range c.Moments[1:] {
				if wants := m.Step >= 4 || m.Step == c.Third.Step; m.Step != 1<<i || (m.Kernel != nil) != wants || !(m.Error > 0) {
					t.Errorf("%s: state %d: %+v", set, i+1, m)
				}
			}
			if c.Start == c.End || !(c.Start.Share > 0 && c.Start.Share < 1) || !(c.Start.Alignment > 0 && c.Start.Alignment < 1) {
				t.Errorf("%s: the kernels at the start %+v, at the end %+v", set, c.Start, c.End)
			}
		}
	}
}

func TestSeedEstimates(t *testing.T) {
	const t2 = 4.302652729749464 // Student's t of .975 with two degrees of freedom
	near := func(what string, got seedEstimate, value, low, high float64) {
		t.Helper()
		if !(math.Abs(got.Value-value) <= 1e-9) || !(math.Abs(got.Low-low) <= 1e-9) || !(math.Abs(got.High-high) <= 1e-9) {
			t.Errorf("%s: %+v, want %v [%v, %v]", what, got, value, low, high)
		}
	}
	half := t2 / math.Sqrt(3)
	near("arithmetic", arithmetic([]float64{1, 2, 3}), 2, 2-half, 2+half)
	near("geometric", geometric([]float64{math.E, math.E * math.E, math.Exp(3)}), math.Exp(2), math.Exp(2-half), math.Exp(2+half))
	g := geometric([]float64{.1, .2, .4})
	near("of one", ofOne([]float64{.9, .8, .6}), 1-g.Value, 1-g.High, 1-g.Low)
	if one := arithmetic([]float64{3}); one.Value != 3 || !math.IsNaN(one.Low) || one.String() != "3.00" || one.holds(3) {
		t.Errorf("one seed: %v", one)
	}
	if text := (seedEstimate{-.51234, -1, .012345}).String(); text != "−0.51 [−1.00, 0.012]" {
		t.Errorf("%q", text)
	}
	for _, c := range []struct {
		of   seedEstimate
		want bool
	}{{seedEstimate{.05, .01, .09}, true}, {seedEstimate{.05, .01, .2}, false}, {seedEstimate{.05, math.NaN(), math.NaN()}, true}, {seedEstimate{.2, math.NaN(), math.NaN()}, false}} {
		if inRegime(c.of) != c.want {
			t.Errorf("%v is in the regime: %t", c.of, !c.want)
		}
	}
}

// The exponent of a figure that falls as the theory says is −½; where a figure is missing there is none.
func TestExponentOverSeeds(t *testing.T) {
	g := &tangents{Settings: Settings{Quick: true, Seeds: 3}}
	e, err := g.exponent(func(width int, seed uint64) float64 { return float64(seed+1) / math.Sqrt(float64(width)) })
	if err != nil || !(math.Abs(e.Value-theoryExponent) <= 1e-12) || !(math.Abs(e.High-e.Low) <= 1e-9) {
		t.Errorf("%v, %v", e, err)
	}
	e, err = g.exponent(func(width int, seed uint64) float64 {
		if seed == 1 {
			return math.NaN()
		}
		return 1
	})
	if err != nil || !math.IsNaN(e.Value) {
		t.Errorf("%v, %v", e, err)
	}
}

// Two networks that end at the targets agree there. The largest figures are those of the way.
func TestLargestFigures(t *testing.T) {
	at := func(step int, outputs, linear float32, k *kernelChange) courseState {
		return courseState{Step: step, Outputs: []float32{outputs}, Linear: []float32{linear}, Kernel: k}
	}
	third := at(3, 3.5, 2, &kernelChange{Drift: .5, Alignment: .6})
	bn := course{Moments: []courseState{at(0, 0, 0, &kernelChange{}), at(1, 1, 1, nil), at(2, 3, 2, nil), at(4, 4, 4, &kernelChange{Drift: .2, Alignment: .8})}, Third: &third}
	all := course{Moments: []courseState{at(0, 0, 0, nil), at(1, 2, 1, nil), at(2, 5, 2, nil), at(4, 4, 4, nil)}}
	g := &tangents{Settings: Settings{Quick: true, Seeds: 1}, courses: map[courseCell]course{
		{batchStatistics, 1, 0, supernet.AllBN}: bn, {batchStatistics, 1, 0, supernet.All}: all}}
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"drift", bn.most(driftOf), .5},
		{"turn", bn.most(turnOf), .8},
		{"drift without a kernel", all.most(driftOf), math.NaN()},
		{"linearised error", bn.mostMissed(), 1.5 / 4},
		{"distance", g.mostApart(batchStatistics, outputsOf)(1, 0), 2. / 5},
		{"distance of the linear networks", g.mostApart(batchStatistics, linearOf)(1, 0), 0},
		{"distance at the end", g.apart(batchStatistics, 4, outputsOf)(1, 0), 0},
	} {
		if !(math.Abs(c.got-c.want) <= 1e-12) && !(math.IsNaN(c.got) && math.IsNaN(c.want)) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestTangentRefusesWhatItDoesNotUse(t *testing.T) {
	for _, c := range []struct {
		change func(*Settings)
		want   string
	}{
		{func(s *Settings) { s.Run.Train.LR *= 2 }, "train.lr"},
		{func(s *Settings) { s.Run.Train.Epochs = 3 }, "train.epochs"},
		{func(s *Settings) { s.Run.Train.Steps = 0 }, "train.steps"},
		{func(s *Settings) { s.Run.Score.Images = 128 }, "score.images"},
		{func(s *Settings) { s.Run.Data.Augment.Flip = false }, "data.augment.flip"},
		{func(s *Settings) { s.Run.Supernet.Space = "darts" }, "supernet.space"},
	} {
		s := tangentBase(true)
		c.change(&s)
		if _, err := tangentCells(s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.want, err)
		}
	}
	s := tangentBase(true)
	s.Run.SetSeed(7)
	s.Run.Train.Steps, s.Run.Score.NTKImages, s.Run.Supernet.Channels = 100, 8, 2
	cells, err := tangentCells(s)
	if err != nil || len(cells) != 2*3*5*2+2*3*5+24 {
		t.Fatalf("%d cells, %v", len(cells), err)
	}
	with := cells[0].With.(tangentWith)
	if with.Images != 8 || with.Steps[len(with.Steps)-1] != 100 || len(with.Kernels) != 4 || cells[0].Run.Supernet.Channels != 2 || cells[0].Run.Seed != 7 {
		t.Errorf("%+v of %+v", with, cells[0].Run)
	}
}

// TestWidthsAgreeWithRates: what widths.csv has at the largest width is what rates.csv has there.
func TestWidthsAgreeWithRates(t *testing.T) {
	of := tiny(tangent)
	s := do(t, tangent, of, t.TempDir(), nil)
	rows := func(name string) [][]string {
		f, err := os.Open(filepath.Join(s.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		all, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return all[1:]
	}
	at := map[string]string{} // by quantity of rates.csv
	for _, r := range rows("rates.csv") {
		at[r[0]+", "+r[1]+", "+r[3]] = r[7]
	}
	widest, agree := fmt.Sprint(of.channels(of.widest())), 0
	for _, r := range rows("widths.csv") {
		want, ok := at[r[0]+", "+r[1]+", "+largest]
		if r[0] == "deviation" {
			want, ok = at[deviationPrefix+r[1]+", "+batchStatistics+", "+atStart]
		}
		if ok && r[2] == widest {
			if agree++; r[3] != want {
				t.Errorf("%v: %s has %s", r, "rates.csv", want)
			}
		}
	}
	if agree < 6 {
		t.Errorf("%d figures are in both tables", agree)
	}
}

// TestTangentCellsEnd: the kernels of a cell end with the context.
func TestTangentCellsEnd(t *testing.T) {
	of := tiny(tangent)
	cells, err := tangentCells(of)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{batchStatistics, "pairs", "network"} {
		at := slices.IndexFunc(cells, func(c Cell) bool { return strings.HasPrefix(c.Name, kind) })
		ended, end := context.WithCancel(t.Context())
		end()
		s := &Site{Dir: t.TempDir(), Run: cells[at].Run, report: func(string, int, int, string) { t.Errorf("%s goes on", cells[at].Name) }}
		if _, err := cells[at].Compute(ended, s); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", cells[at].Name, err)
		}
	}
}
