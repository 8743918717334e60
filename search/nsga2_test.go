package search

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

func TestFronts(t *testing.T) {
	points := []point{{1, 5}, {2, 2}, {5, 1}, {3, 3}, {2, 2}, {6, 6}, {math.Inf(1), 0}}
	want := [][]int{{0, 1, 2, 4, 6}, {3}, {5}}
	if diff := cmp.Diff(want, fronts(points)); diff != "" {
		t.Error(diff)
	}
}

// A point is dominated by one that is better in one figure and as good in the other.
func TestDominates(t *testing.T) {
	for _, c := range []struct {
		p, q point
		want bool
	}{
		{point{1, 1}, point{2, 2}, true},
		{point{1, 1}, point{1, 2}, true},
		{point{1, 1}, point{2, 1}, true},
		{point{1, 1}, point{1, 1}, false},
		{point{1, 2}, point{2, 1}, false},
		{point{2, 1}, point{1, 2}, false},
		{point{1, 2}, point{1, 1}, false},
		{point{2, 1}, point{1, 1}, false},
		{point{math.Inf(-1), 1}, point{0, 1}, true},
	} {
		if got := c.p.dominates(c.q); got != c.want {
			t.Errorf("%v dominates %v: %v", c.p, c.q, got)
		}
	}
	// Points of one score and of one cost; the places of a front ascend, whichever point was above them.
	points := []point{{0, 5}, {5, 0}, {6, 0}, {0, 6}, {7, 0}}
	if diff := cmp.Diff([][]int{{0, 1}, {2, 3}, {4}}, fronts(points)); diff != "" {
		t.Error(diff)
	}
}

func TestCrowding(t *testing.T) {
	points := []point{{0, 10}, {1, 6}, {3, 4}, {9, 9}, {10, 0}}
	got := crowding(points, []int{4, 2, 0, 1}) // the fourth is of another front
	want := map[int]float64{0: math.Inf(1), 1: 0.3 + 0.6, 2: 0.9 + 0.6, 4: math.Inf(1)}
	for i, d := range want {
		if !(math.Abs(got[i]-d) < 1e-12 || got[i] == d) {
			t.Errorf("point %d: %v, want %v", i, got[i], d)
		}
	}
	if len(got) != len(want) {
		t.Errorf("distances of %d points", len(got))
	}
	// Of equal points the first and the last are ends, and nothing is between the others.
	for i, want := range []float64{math.Inf(1), 0, math.Inf(1)} {
		if got := crowding([]point{{1, 1}, {1, 1}, {1, 1}}, []int{0, 1, 2})[i]; got != want {
			t.Errorf("equal point %d: %v, want %v", i, got, want)
		}
	}
	// The share of the gap before an infinite end is 1, other shares of that figure are 0, and two infinite points are not apart. Of the
	// other figure the shares are of 0 … 9.
	inf := math.Inf(1)
	got = crowding([]point{{inf, 0}, {1, 5}, {0.5, 7}, {0, 9}}, []int{0, 1, 2, 3})
	if got[1] != 1+7./9 || got[2] != 4./9 {
		t.Errorf("beside an infinite point: %v", got)
	}
	got = crowding([]point{{inf, 0}, {inf, 0}, {inf, 0}, {1, 9}}, []int{0, 1, 2, 3})
	if got[1] != 0 || got[0] != inf || got[2] != inf || got[3] != inf {
		t.Errorf("among equal infinite points: %v", got)
	}
}

// TestSurvivors: a whole front, and of the next the ends and the least crowded.
func TestSurvivors(t *testing.T) {
	points := []point{{0, 0}, {1, 9}, {2, 8}, {2.1, 7.9}, {6, 4}, {9, 1}}
	var got []int
	for _, c := range survivors(points, 4) {
		got = append(got, c.place)
	}
	if want := []int{0, 1, 5, 4}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if n := len(survivors(points, 99)); n != len(points) {
		t.Errorf("%d of %d points survive without need", n, len(points))
	}
}

// A dead network is no parent, though none costs less.
func TestDeadAreNoParents(t *testing.T) {
	space := fakeSpace{2, 3}
	r := newRecord(space)
	for i, s := range []standing{{true, math.Inf(-1), 0}, {false, 1, 10}, {false, 2, 20}, {true, math.Inf(-1), 1}, {false, 0, 30}} {
		r.add(Found{Choice: space.At(i), Score: s.score, Cost: supernet.Cost{MACs: s.macs}, Scores: indicator.Scores{Dead: s.dead}})
	}
	e := &nsga2{searcher: &searcher{found: r, cfg: Config{Population: 4}}}
	if parents := e.choose(); len(parents) != 3 || !slices.Equal(e.population, []int{1, 2, 4}) {
		t.Errorf("%d parents of the population %v", len(parents), e.population)
	}
}

// zdt is a test problem of Zitzler, Deb and Thiele (Evolutionary Computation 8(2), 2000): two functions of numbers in 0…1, each a gene
// with equal steps. The first is x₀; the second g·h, with g = 1 on the front.
type zdt struct {
	fakeSpace
	h func(f1, g float64) float64
}

func (z zdt) values(a supernet.Arch) (f1, f2 float64) {
	sum := 0.0
	for _, o := range a[1:] {
		sum += float64(o) / float64(z.options-1)
	}
	f1, g := float64(a[0])/float64(z.options-1), 1+9*sum/float64(z.genes-1)
	return f1, g * z.h(f1, g)
}

func (z zdt) Canonical(a supernet.Arch) string { return z.Format(a) }
func (z zdt) Alive(supernet.Arch) bool         { return true }

// costUnit is a cost of 1 of the second function.
const costUnit = 1 << 30

func (z zdt) Cost(a supernet.Arch, _ supernet.Config) supernet.Cost {
	_, f2 := z.values(a)
	return supernet.Cost{MACs: int64((f2 + 1) * costUnit), Params: int64((f2 + 1) * costUnit)}
}

func (z zdt) Score(a supernet.Arch) (indicator.Scores, error) {
	f1, _ := z.values(a)
	s := indicator.Scores{Arch: z.Format(a), Canonical: z.Format(a), Values: make([]float64, len(indicator.TermNames()))}
	s.Values[0] = -f1
	return s, nil
}

// TestZDT: NSGA-II finds the known fronts of ZDT1 (convex), ZDT2 (concave) and ZDT3 (five pieces), close and over their whole width.
// Random search of as many networks does not come near.
func TestZDT(t *testing.T) {
	for name, h := range map[string]func(f1, g float64) float64{
		"ZDT1": func(f1, g float64) float64 { return 1 - math.Sqrt(f1/g) },
		"ZDT2": func(f1, g float64) float64 { return 1 - (f1/g)*(f1/g) },
		"ZDT3": func(f1, g float64) float64 { return 1 - math.Sqrt(f1/g) - f1/g*math.Sin(10*math.Pi*f1) },
	} {
		space := zdt{fakeSpace{10, 65}, h}
		for _, cost := range []string{MACs, Params} {
			if cost == Params && name != "ZDT2" {
				continue
			}
			found := mustRun(t, Problem{Space: space, Evaluator: space, Objective: firstTerm(t)},
				Config{Strategy: "nsga2", Objectives: []string{"score", cost}, Population: 60, Generations: 100, Seed: 4})
			far, gap := frontError(space, found.Pareto)
			random := mustRun(t, Problem{Space: space, Evaluator: space, Objective: firstTerm(t)},
				Config{Strategy: "random", MaxEvaluations: 60 * 100, Seed: 4})
			randomly, _ := frontError(space, random.Pareto)
			t.Logf("%s, %s: %d points, mean distance %.4f (random search %.2f), widest gap %.3f", name, cost, len(found.Pareto), far, randomly, gap)
			if !(far <= 0.01 && randomly >= 0.3) {
				t.Errorf("%s, %s: the front is %.4f from the known one; that of random search %.2f", name, cost, far, randomly)
			}
			if most := map[string]float64{"ZDT1": 0.1, "ZDT2": 0.1, "ZDT3": 0.3}[name]; !(gap <= most) {
				t.Errorf("%s, %s: a gap of %.3f in the first function", name, cost, gap)
			}
		}
	}
}

// frontError returns the mean distance of a front from the known one in the second function, and its widest gap in the first, over
// the width of the known front.
func frontError(z zdt, front []Found) (far, gap float64) {
	xs := []float64{0}
	for _, f := range front {
		f1, f2 := z.values(f.Choice)
		far += math.Abs(f2-z.h(f1, 1)) / float64(len(front))
		xs = append(xs, f1)
	}
	end := 1.0
	if z.h(1, 1) > z.h(0.85, 1) {
		end = 0.851 // the last piece of ZDT3
	}
	slices.Sort(xs)
	xs = append(xs, max(end, xs[len(xs)-1]))
	for i := 1; i < len(xs); i++ {
		gap = max(gap, xs[i]-xs[i-1])
	}
	return far, gap
}

// TestNSGA2Resumes: the same search again takes every score from the ledger and has the same result.
func TestNSGA2Resumes(t *testing.T) {
	space := fakeSpace{6, 4}
	c := Config{Strategy: "nsga2", Population: 12, Generations: 6, Seed: 9}
	whole := mustRun(t, Problem{Space: space, Evaluator: newFake(space, 3), Objective: firstTerm(t)}, c)
	dir := t.TempDir()
	for _, after := range []int{17, 40, 1000} {
		l := openTest(t, dir)
		ctx, cancel := context.WithCancel(context.Background())
		e := newFake(space, 3)
		e.before = func(calls int) {
			if calls == after {
				cancel()
			}
		}
		got, err := Run(ctx, Problem{Space: space, Evaluator: &Recorded{space, e, l}, Objective: firstTerm(t)}, c, nil)
		cancel()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if after < 1000 {
			if err == nil {
				t.Fatal("the search was not interrupted")
			}
			continue
		}
		if err != nil || texts(got.Pareto) != texts(whole.Pareto) || texts(got.Best) != texts(whole.Best) || got.Reused == 0 {
			t.Errorf("resumed: %v\n%s\nwant\n%s", err, texts(got.Pareto), texts(whole.Pareto))
		}
	}
}
