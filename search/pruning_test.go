package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bnas.example/indicator"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// mixedFake is a fakeSpace whose places can have several operators.
type mixedFake struct{ fakeSpace }

func (f mixedFake) Places() (all []supernet.Place) {
	for _, g := range f.Genes() {
		all = append(all, supernet.Place{Name: g.Name, Operators: g.Options})
	}
	return all
}

func (f mixedFake) Whole() supernet.Mixture {
	m := make(supernet.Mixture, f.genes)
	for place := range m {
		m[place] = slices.Repeat([]bool{true}, f.options)
	}
	return m
}

func (f mixedFake) Only(m supernet.Mixture) supernet.Arch {
	a := make(supernet.Arch, len(m))
	for place := range m {
		a[place] = m.Operators(place)[0]
	}
	return a
}

func (f mixedFake) LowerMixture(*supernet.Builder, supernet.Mixture) error {
	return errors.New("not a network")
}

// gauge measures mixtures: an operator adds to log κ and to the regions by a random table.
type gauge struct {
	space   mixedFake
	calls   int
	before  func(calls int)
	repeats int
}

// worth is what an operator adds to log κ, and to the number of regions.
func (g *gauge) worth(place, operator int) (kappa, regions float64) {
	r := philox.New(5, "worth", uint64(64*place+operator))
	return r.Float64(), math.Floor(100 * r.Float64())
}

func (g *gauge) measure(list []supernet.Mixture) (all [][]indicator.MixtureFigures, err error) {
	for _, m := range list {
		all = append(all, g.one(m))
	}
	return all, nil
}

func (g *gauge) one(m supernet.Mixture) (all []indicator.MixtureFigures) {
	if g.before != nil {
		g.before(g.calls)
	}
	g.calls++
	for repeat := range g.repeats {
		f := indicator.MixtureFigures{LogCondition: 1 + float64(repeat)/8, Regions: 500 + repeat}
		for place := range m {
			for _, o := range m.Operators(place) {
				kappa, regions := g.worth(place, o)
				f.LogCondition, f.Regions = f.LogCondition+kappa, f.Regions+int(regions)
			}
		}
		all = append(all, f)
	}
	return all
}

// mixtures opens the figures of mixtures in a folder, "" for none.
func mixtures(t *testing.T, dir string, space mixedFake) (*Mixtures, *gauge) {
	t.Helper()
	if dir != "" {
		dir = filepath.Join(dir, "pruning.csv")
	}
	f, err := OpenFigures(dir, "here", CheckMixture, MixtureColumns()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	g := &gauge{space: space, repeats: 3}
	return &Mixtures{space, f, 3, 1, g.measure}, g
}

// TestPruningKeepsWhatMatters: where one operator of each place is the best by both figures, it stays; each round takes the worst.
func TestPruningKeepsWhatMatters(t *testing.T) {
	space := mixedFake{fakeSpace{3, 4}}
	best := supernet.Arch{2, 0, 3}
	x, _ := mixtures(t, "", space)
	x.Repeats = 1
	one := func(m supernet.Mixture) []indicator.MixtureFigures {
		f := indicator.MixtureFigures{LogCondition: 2, Regions: 100}
		for place := range m {
			for _, o := range m.Operators(place) {
				far := (o - best[place] + 4) % 4 // 0 for the best
				f.LogCondition += float64(far) / 10
				f.Regions += 30 - 10*far
			}
		}
		return []indicator.MixtureFigures{f}
	}
	x.Measure = func(list []supernet.Mixture) (all [][]indicator.MixtureFigures, err error) {
		for _, m := range list {
			all = append(all, one(m))
		}
		return all, nil
	}
	var seen []Progress
	r, err := Run(t.Context(), Problem{Space: space, Evaluator: newFake(space.fakeSpace, 1), Objective: firstTerm(t), Mixtures: x},
		Config{Strategy: Pruning}, func(p Progress) { seen = append(seen, p) })
	if err != nil {
		t.Fatal(err)
	}
	if r.Evaluations != 1 || r.Stopped != Complete || r.Best[0].Scores.Arch != space.Format(best) {
		t.Errorf("found %s of %d, stopped: %s", r.Best[0].Scores.Arch, r.Evaluations, r.Stopped)
	}
	if len(r.Pruned) != 9 {
		t.Fatalf("pruned %+v", r.Pruned)
	}
	for i, p := range r.Pruned {
		place := slices.IndexFunc(space.Places(), func(q supernet.Place) bool { return q.Name == p.Place })
		far := 3 - i/3
		// R before the round is 280, 280 and 250.
		if want := []float64{0, -10. / 280, -20. / 250}[i/3]; !(math.Abs(p.Regions-want) <= 1e-3) {
			t.Errorf("%+v: R changes by %v, want %v", p, p.Regions, want)
		}
		if want := fmt.Sprint((best[place] + far) % 4); p.Round != i/3+1 || p.Operator != want || !(math.Abs(p.Kappa-(math.Exp(-float64(far)/10)-1)) <= 1e-3) {
			t.Errorf("%+v, want operator %s in round %d", p, want, i/3+1)
		}
	}
	const all = 1 + 12 + 1 + 9 + 1 + 6
	if last := seen[len(seen)-1]; len(seen) != all+1 || seen[0].Mixtures != 1 || seen[all-1].Mixtures != all || seen[0].AllMixtures != all || last.Evaluations != 1 {
		t.Errorf("%d steps, the first %+v, the last %+v", len(seen), seen[0], last)
	}
	text, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(text), `"pruned":[{"round":1,"place":"gene 0"`) {
		t.Errorf("%v: %s", err, text)
	}
}

// TestPruningSeveralAtOnce: with two operators a round, a place of five has one after two rounds, and never none.
func TestPruningSeveralAtOnce(t *testing.T) {
	space := mixedFake{fakeSpace{3, 4}}
	for _, c := range []struct{ prune, measures int }{{0, 1 + 12 + 1 + 9 + 1 + 6}, {2, 1 + 12 + 1 + 6}, {9, 1 + 12}} {
		x, g := mixtures(t, "", space)
		r := mustRun(t, Problem{Space: space, Evaluator: newFake(space.fakeSpace, 1), Objective: firstTerm(t), Mixtures: x}, Config{Strategy: Pruning, Prune: c.prune})
		if g.calls != c.measures || len(r.Pruned) != 9 {
			t.Errorf("%d a round: %d measurements, want %d; pruned %d", c.prune, g.calls, c.measures, len(r.Pruned))
		}
	}
}

// TestPruningResumes: a pruning that was interrupted at any place measures what it lacks, and ends with the same result.
func TestPruningResumes(t *testing.T) {
	space := mixedFake{fakeSpace{4, 4}}
	run := func(dir string, after, width int) (*Result, int, error) {
		x, g := mixtures(t, dir, space)
		x.Width = width
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		g.before = func(calls int) {
			if calls == after {
				cancel()
			}
		}
		r, err := Run(ctx, Problem{Space: space, Evaluator: newFake(space.fakeSpace, 1), Objective: firstTerm(t), Mixtures: x}, Config{Strategy: Pruning}, nil)
		return r, g.calls, err
	}
	want, all, err := run("", -1, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir, sum := t.TempDir(), 0
	for _, after := range []int{0, 1, 9, 5, 14} {
		_, calls, err := run(dir, after, 1+after%3)
		if !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
		sum += calls
	}
	got, calls, err := run(dir, -1, 5)
	if err != nil || sum+calls != all {
		t.Errorf("%v: %d measurements, want %d", err, sum+calls, all)
	}
	if diff := cmp.Diff(want.Pruned, got.Pruned); diff != "" || texts(want.Best) != texts(got.Best) {
		t.Error(diff, texts(got.Best))
	}
}

// TestPruningOfMoreRepeats: a pruning of more repeats keeps the figures of the first ones, and one of fewer measures nothing.
func TestPruningOfMoreRepeats(t *testing.T) {
	space := mixedFake{fakeSpace{3, 4}}
	dir := t.TempDir()
	var before string
	for i, repeats := range []int{1, 3, 2} {
		x, g := mixtures(t, dir, space)
		x.Repeats, g.repeats = repeats, repeats
		fresh, of := mixtures(t, "", space)
		fresh.Repeats, of.repeats = repeats, repeats
		problem := Problem{Space: space, Evaluator: newFake(space.fakeSpace, 1), Objective: firstTerm(t), Mixtures: x}
		got := mustRun(t, problem, Config{Strategy: Pruning})
		problem.Mixtures = fresh
		if diff := cmp.Diff(mustRun(t, problem, Config{Strategy: Pruning}).Pruned, got.Pruned); diff != "" {
			t.Errorf("%d repeats beside the figures of others: %s", repeats, diff)
		}
		text, err := os.ReadFile(filepath.Join(dir, "pruning.csv"))
		if err != nil || !strings.HasPrefix(string(text), before) || (i == 2) != (g.calls == 0) {
			t.Errorf("%v: %d repeats: %d measured, the file went from\n%s\nto\n%s", err, repeats, g.calls, before, text)
		}
		before = string(text)
		seen := map[string]bool{}
		for line := range strings.Lines(before) {
			if seen[line] {
				t.Errorf("%d repeats: the file has a row twice: %s", repeats, line)
			}
			seen[line] = true
		}
	}
}

func TestCheckMixture(t *testing.T) {
	for _, c := range []struct {
		kappa, regions float64
		ok             bool
	}{
		{0, 1, true}, {5, 3000, true}, {700, 1, true}, {-1e-9, 1, false}, {703, 1, false}, {math.Inf(1), 1, false},
		{1, 0, false}, {1, 1.5, false}, {1, -1, false}, {1, math.NaN(), false}, {1, math.MaxInt32, true}, {1, math.MaxInt32 + 1, false},
	} {
		if err := CheckMixture([]float64{c.kappa, c.regions}); (err == nil) != c.ok {
			t.Errorf("log κ %v, R %v: %v", c.kappa, c.regions, err)
		}
	}
}

// TestRank follows the released code by hand: dense ranks, exact equals alone share one, and three significant digits order.
func TestRank(t *testing.T) {
	all := []removal{
		{place: 0, operator: 1, kappa: 0.5, regions: 0.1},
		{place: 0, operator: 2, kappa: -0.2, regions: 0},
		{place: 1, operator: 1, kappa: 0.5, regions: 0.2},
		{place: 1, operator: 2, kappa: 0.1, regions: 0},
		{place: 2, operator: 1, kappa: 0.10004, regions: -0.3},
	}
	rank(all)
	var got []string
	for _, r := range all {
		got = append(got, fmt.Sprint(r.place, r.operator, r.ranks))
	}
	// κ, falling most first: 0.5, 0.5 | 0.1 and 0.10004, which are equal to three digits and stay in order | −0.2.
	// R, falling least first: −0.3 | 0, 0 | 0.1 | 0.2.
	want := []string{"0 1 [0 2]", "1 2 [1 1]", "2 1 [2 0]", "1 1 [0 3]", "0 2 [3 1]"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, c := range [][2]float64{{0, 0}, {0.12345, 0.123}, {-1234.5, -1230}, {0.0012355, 0.00124}, {0.999, 0.999}, {1, 1}} {
		if got := significant(c[0]); !(math.Abs(got-c[1]) <= 1e-12) {
			t.Errorf("%v is %v to three digits, want %v", c[0], got, c[1])
		}
	}
}

// TestMeanChange: a mean over repeats is that of the released code, to the bit: equal means share a rank.
func TestMeanChange(t *testing.T) {
	before := []indicator.MixtureFigures{{Regions: 1000}, {Regions: 1000}, {Regions: 1000}}
	for lost := 1; lost < 200; lost++ {
		without := []indicator.MixtureFigures{{Regions: 1000 - 2*lost}, {Regions: 1000 - lost}, {Regions: 1000}}
		_, got := meanChange(before, without)
		if want := (float64(2*lost)/1000 + float64(lost)/1000) / 3; got != want {
			t.Errorf("%d lost: %v, want %v", lost, got, want)
		}
	}
	// κ of 4 and of 2 becomes 1 and 3: (4−1)/4 and (2−3)/2. R of 10 becomes 9 and 8.
	of := func(kappa float64, regions int) indicator.MixtureFigures {
		return indicator.MixtureFigures{LogCondition: math.Log(kappa), Regions: regions}
	}
	kappa, regions := meanChange([]indicator.MixtureFigures{of(4, 10), of(2, 10)}, []indicator.MixtureFigures{of(1, 9), of(3, 8)})
	if !(math.Abs(kappa-.125) <= 1e-12) || !(math.Abs(regions-.15) <= 1e-12) {
		t.Errorf("κ changes by %v and R by %v, want .125 and .15", kappa, regions)
	}
}

func TestPruningErrors(t *testing.T) {
	space := mixedFake{fakeSpace{3, 4}}
	p := Problem{Space: space, Evaluator: newFake(space.fakeSpace, 1), Objective: firstTerm(t)}
	if _, err := Run(t.Context(), p, Config{Strategy: Pruning}, nil); err == nil {
		t.Error("nothing measures mixtures")
	}
	x, _ := mixtures(t, "", space)
	p.Mixtures = x
	for _, c := range []Config{{MaxMACs: 1}, {MaxParams: 1}, {MaxLatency: 1}, {Budget: 1}} {
		c.Strategy = Pruning
		if _, err := Run(t.Context(), p, c, nil); err == nil || !strings.Contains(err.Error(), "bounds no search by pruning") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	p.Space = space.fakeSpace
	if _, err := Run(t.Context(), p, Config{Strategy: Pruning}, nil); err == nil || !strings.Contains(err.Error(), "fake has no network with several operators at a place") {
		t.Errorf("a space without mixtures: %v", err)
	}
	p.Space = space
	for _, f := range []indicator.MixtureFigures{{LogCondition: math.Inf(1), Regions: 5}, {LogCondition: math.NaN(), Regions: 5}, {LogCondition: 1}} {
		x.Measure = func([]supernet.Mixture) ([][]indicator.MixtureFigures, error) {
			return [][]indicator.MixtureFigures{{f}}, nil
		}
		if _, err := Run(t.Context(), p, Config{Strategy: Pruning}, nil); err == nil || !strings.Contains(err.Error(), "0+1+2+3, 0+1+2+3") {
			t.Errorf("%+v: %v", f, err)
		}
	}
	broken := errors.New("device lost")
	x.Measure = func([]supernet.Mixture) ([][]indicator.MixtureFigures, error) { return nil, broken }
	if _, err := Run(t.Context(), p, Config{Strategy: Pruning}, nil); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
