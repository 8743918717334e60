package rank

import (
	"math"
	"math/rand/v2"
	"testing"

	"bnas.example/philox"
)

// slowTauB counts all pairs, as in the definition.
func slowTauB(x, y []float64) float64 {
	var s, ux, uy float64
	for i := range x {
		for j := range i {
			dx, dy := sign(x[i], x[j]), sign(y[i], y[j])
			s += dx * dy
			ux += dx * dx
			uy += dy * dy
		}
	}
	if ux == 0 || uy == 0 {
		return math.NaN()
	}
	return s / math.Sqrt(ux*uy)
}

func sign(a, b float64) float64 {
	switch {
	case a > b:
		return 1
	case a < b:
		return -1
	}
	return 0
}

func TestKendallTauB(t *testing.T) {
	inf := math.Inf(-1)
	for _, c := range []struct {
		name string
		x, y []float64
		want float64
	}{
		{"same", []float64{1, 2, 3}, []float64{4, 5, 6}, 1},
		{"reversed", []float64{1, 2, 3}, []float64{6, 5, 4}, -1},
		// scipy.stats.kendalltau's documented example
		{"scipy", []float64{12, 2, 1, 12, 2}, []float64{1, 4, 7, 1, 0}, -0.47140452079103173},
		{"dead last", []float64{inf, inf, 3, 4}, []float64{10, 10, 80, 90}, 1},
	} {
		if got := KendallTauB(c.x, c.y); !(math.Abs(got-c.want) <= 1e-12) {
			t.Errorf("%s: τ_b = %v, want %v", c.name, got, c.want)
		}
	}
	if got := KendallTauB([]float64{1, math.NaN()}, []float64{1, 2}); !math.IsNaN(got) {
		t.Errorf("with NaN: %v", got)
	}
	r := philox.New(1, "tau", 0)
	for trial := range 200 {
		n := 2 + r.IntN(60)
		levels := 1 + r.IntN(40)
		x, y := make([]float64, n), make([]float64, n)
		for i := range x {
			x[i], y[i] = float64(r.IntN(levels)), float64(r.IntN(levels))
		}
		if got, want := KendallTauB(x, y), slowTauB(x, y); !(math.Abs(got-want) <= 1e-12) && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("trial %d, n %d, %d levels: %v, by pairs %v", trial, n, levels, got, want)
		}
	}
}

func TestSpearman(t *testing.T) {
	// ranks 4.5 2.5 1 4.5 2.5 and 2.5 4 5 2.5 1: sums of products −5, 9, 9.5
	x, y := []float64{12, 2, 1, 12, 2}, []float64{1, 4, 7, 1, 0}
	if got, want := Spearman(x, y), -5/math.Sqrt(9*9.5); !(math.Abs(got-want) <= 1e-12) {
		t.Errorf("ρ = %v, want %v", got, want)
	}
	if got := Spearman([]float64{1, 2, 3}, []float64{1, 8, 27}); got != 1 {
		t.Errorf("monotone: %v", got)
	}
}

func TestConstantColumnsAreUndefined(t *testing.T) {
	for _, c := range [][2][]float64{{{2, 2, 2}, {1, 8, 9}}, {{1, 8, 9}, {2, 2, 2}}, {{4}, {5}}, {nil, nil}} {
		if tau, rho := KendallTauB(c[0], c[1]), Spearman(c[0], c[1]); !math.IsNaN(tau) || !math.IsNaN(rho) {
			t.Errorf("%v: τ %v, ρ %v", c, tau, rho)
		}
		if i := KendallInterval(c[0], c[1], 50, .95, seeded(1)); !i.Undefined() {
			t.Errorf("%v: interval %v", c, i)
		}
	}
	// In (2/3)³ of the resamples all scores are equal. They say nothing about τ.
	if i := KendallInterval([]float64{1, 1, 2}, []float64{1, 2, 3}, 500, .95, seeded(1)); !(i.Low >= .5) || i.High != 1 {
		t.Errorf("interval %v", i)
	}
}

// A value that is no number leaves nothing in order, on either side.
func TestNaNIsUndefined(t *testing.T) {
	whole, lacking := []float64{1, 2, 3, 4}, []float64{1, 2, math.NaN(), 4}
	for _, c := range [][2][]float64{{lacking, whole}, {whole, lacking}} {
		if tau, rho := KendallTauB(c[0], c[1]), Spearman(c[0], c[1]); !math.IsNaN(tau) || !math.IsNaN(rho) {
			t.Errorf("%v: τ %v, ρ %v", c, tau, rho)
		}
		if i := KendallInterval(c[0], c[1], 50, .95, seeded(1)); !i.Undefined() {
			t.Errorf("%v: interval %v", c, i)
		}
		if d, i := KendallDifference(c[0], c[1], whole, 50, .95, seeded(1)); !math.IsNaN(d) || !i.Undefined() {
			t.Errorf("%v: difference %v, interval %v", c, d, i)
		}
	}
}

func TestRanks(t *testing.T) {
	got := Ranks([]float64{5, math.Inf(-1), 5, 7, math.Inf(-1)})
	for i, want := range []float64{3.5, 1.5, 3.5, 5, 1.5} {
		if got[i] != want {
			t.Fatalf("ranks %v", got)
		}
	}
}

func TestTopK(t *testing.T) {
	score := []float64{9, 8, 8, 1}
	truth := []float64{60, 90, 70, 95}
	got := TopK(score, truth, 2)
	// The tie at 8 goes to the worse one: the top two are 60 and 70.
	// Gains over the lowest truth, 60: 0 and 10 of 35 and 30.
	want := Top{K: 2, Pick: 60, Mean: 65, Best: 70, Regret: 25, NDCG: 10 / math.Log2(3) / (35 + 30/math.Log2(3))}
	if math.Abs(got.NDCG-want.NDCG) < 1e-12 {
		want.NDCG = got.NDCG
	}
	if got != want {
		t.Errorf("top 2: %+v, want %+v", got, want)
	}
	if got := TopK(score, truth, 10); got.K != 4 || got.Precision != 1 || got.Regret != 0 {
		t.Errorf("top of all: %+v", got)
	}
	if got := TopK(truth, truth, 3); got.Hits != 3 || got.Precision != 1 || !(math.Abs(got.NDCG-1) <= 1e-12) || got.Pick != 95 {
		t.Errorf("the best order: %+v", got)
	}
	if got := TopK(score, []float64{7, 7, 7, 7}, 3); got.NDCG != 0 {
		t.Errorf("equal truths: %+v", got)
	}
	// Truths below 0, such as losses with the sign turned.
	if got := TopK([]float64{2, 1}, []float64{-3, -1}, 1); got.Best != -3 || got.Pick != -3 || got.Regret != 2 {
		t.Errorf("truths below 0: %+v", got)
	}
	if got := TopK(nil, nil, 3); got != (Top{}) {
		t.Errorf("empty: %+v", got)
	}
}

// What is no number is neither best nor worst.
func TestTopKOfNaN(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	whole, lacking := []float64{1, 2, 3}, []float64{nan, 2, 3}
	for _, c := range [][2][]float64{{lacking, whole}, {whole, lacking}} {
		got := TopK(c[0], c[1], 2)
		for _, v := range []float64{got.Pick, got.Mean, got.Best, got.Regret, got.Precision, got.NDCG} {
			if !math.IsNaN(v) || got.K != 2 || got.Hits != 0 {
				t.Errorf("%v: %+v", c, got)
				break
			}
		}
	}
	if got := TopK([]float64{-inf, inf, 0}, whole, 2); got.Pick != 2 || got.Mean != 2.5 || got.Hits != 2 {
		t.Errorf("infinite scores: %+v", got)
	}
	for _, end := range []float64{-inf, inf} {
		if got := TopK(whole, []float64{end, 5, 5}, 2); got.Pick != 5 || !math.IsNaN(got.NDCG) {
			t.Errorf("a truth of %v: %+v", end, got)
		}
	}
}

func TestBootstrap(t *testing.T) {
	// The mean of 400 uniform values: standard error 1/√(12·400) = .0144, so 95 % is ±.0283 round the sample's mean.
	r := rand.New(rand.NewPCG(3, 0))
	v := make([]float64, 400)
	var mean float64
	for i := range v {
		v[i] = r.Float64()
		mean += v[i] / 400
	}
	statistic := func(indices []int) float64 {
		var m float64
		for _, i := range indices {
			m += v[i] / 400
		}
		return m
	}
	got := Bootstrap(400, 2000, .95, seeded(5), statistic)
	if !(math.Abs(got.Low-(mean-.0283)) <= .003) || !(math.Abs(got.High-(mean+.0283)) <= .003) {
		t.Errorf("interval %v round %v", got, mean)
	}
	if again := Bootstrap(400, 2000, .95, seeded(5), statistic); again != got {
		t.Errorf("not repeatable: %v, %v", got, again)
	}
	tau := KendallInterval([]float64{1, 2, 3, 4, 5, 6}, []float64{1, 2, 3, 4, 5, 6}, 100, .9, seeded(1))
	if tau != (Interval{1, 1}) {
		t.Errorf("perfect agreement: %v", tau)
	}
}

// The ends lie between the order statistics of the values: of m values, the share q is at place q·(m−1), from 0.
func TestBootstrapEnds(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		values []float64 // of the statistic, one for each resample
		level  float64
		want   Interval
	}{
		{"at values", []float64{50, 10, 40, 20, 30}, .5, Interval{20, 40}},
		{"between values", []float64{40, 0, 10, 20, 30}, .9, Interval{2, 38}}, // places .2 and 3.8
		{"between uneven values", []float64{0, 1, 9}, .5, Interval{.5, 5}},    // places .5 and 1.5
		{"all", []float64{7, 3, 5}, 1, Interval{3, 7}},
		{"one value", []float64{4}, .95, Interval{4, 4}},
		{"undefined resamples", []float64{nan, 30, nan, nan, 10, 20, nan}, .5, Interval{15, 25}},
	} {
		resample := 0
		got := Bootstrap(3, len(c.values), c.level, seeded(1), func([]int) float64 {
			resample++
			return c.values[resample-1]
		})
		if !(math.Abs(got.Low-c.want.Low) < 1e-12 && math.Abs(got.High-c.want.High) < 1e-12) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	one := func([]int) float64 { return 1 }
	for _, c := range [][2]int{{0, 5}, {5, 0}} {
		if got := Bootstrap(c[0], c[1], .95, seeded(1), one); !got.Undefined() || !math.IsNaN(got.High) {
			t.Errorf("%d resamples of %d: %v", c[1], c[0], got)
		}
	}
}

// A resample is the list of what is drawn.
func TestKendallOfResamples(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 0))
	for _, n := range []int{2, 3, 17, 90} {
		for _, values := range []int{2, 5, 1000} {
			x, y := make([]float64, n), make([]float64, n)
			for i := range x {
				x[i], y[i] = float64(r.IntN(values)), float64(r.IntN(values))
			}
			x[r.IntN(n)], y[r.IntN(n)] = math.Inf(-1), math.Inf(1)
			k, count := newKendall(x, y), make([]int64, n)
			for range 20 {
				indices, rx, ry := make([]int, n), make([]float64, n), make([]float64, n)
				for i := range indices {
					indices[i] = r.IntN(n)
					rx[i], ry[i] = x[indices[i]], y[indices[i]]
				}
				tally(count, indices)
				if got, want := k.tauB(count), slowTauB(rx, ry); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
					t.Fatalf("%d of %d values: τ_b %v, pair by pair %v", n, values, got, want)
				}
			}
		}
	}
}

// A paired difference has a narrower interval than the ends of two single ones suggest.
func TestKendallDifference(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 0))
	n := 120
	truth, a, b := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range truth {
		truth[i] = r.Float64()
		a[i] = truth[i] + r.Float64()
		b[i] = a[i] + .3*r.Float64()
	}
	d, interval := KendallDifference(a, b, truth, 300, .95, seeded(2))
	if d != KendallTauB(a, truth)-KendallTauB(b, truth) || !(interval.Low < d && d < interval.High) {
		t.Errorf("difference %v, interval %v", d, interval)
	}
	single := KendallInterval(a, truth, 300, .95, seeded(2))
	if !(interval.High-interval.Low <= .7*(single.High-single.Low)) {
		t.Errorf("interval of the difference %v, of one correlation %v", interval, single)
	}
	if d, interval := KendallDifference(a, a, truth, 50, .95, seeded(2)); d != 0 || interval != (Interval{}) {
		t.Errorf("with itself: %v, %v", d, interval)
	}
	if d, interval := KendallDifference(make([]float64, n), a, truth, 50, .95, seeded(2)); !math.IsNaN(d) || !interval.Undefined() {
		t.Errorf("a constant: %v, %v", d, interval)
	}
}

// seeded returns the random sources of the resamples for a seed.
func seeded(seed uint64) func(int) Source {
	return func(resample int) Source { return rand.New(rand.NewPCG(seed, uint64(resample))) }
}
