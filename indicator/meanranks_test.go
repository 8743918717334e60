package indicator

import (
	"math"
	"testing"

	"bnas.example/philox"
	"bnas.example/rank"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestMeanRanks(t *testing.T) {
	of := func(values ...float64) []Scores {
		return fakeScores(len(values), func(i int, _ *philox.Stream) map[string]float64 {
			return map[string]float64{"naswot": values[i], "ntk": 1, "macs": -values[i]}
		})
	}
	a, b := of(10, 30, 20, 5), of(.3, .1, .2, .9)
	b = []Scores{b[2], b[0], b[1]} // one run has not scored the last one, and has another order
	naswot, _ := termIndex("naswot")
	ntk, _ := termIndex("ntk")
	macs, _ := termIndex("macs")
	depth, _ := termIndex("depth")
	a[2].Values[ntk] = math.NaN()
	fuse := func(runs ...[]Scores) ([]Scores, error) {
		var sets []ScoreSet
		for _, run := range runs {
			sets = append(sets, SetOf(run))
		}
		fused, err := MeanRanks(sets)
		return fused.List(), err
	}
	got, err := fuse(a, b)
	if err != nil || len(got) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
	// Ranks 1, 3, 2 and 3, 1, 2 of three.
	for i := range got {
		if v := got[i].Values[naswot]; !(math.Abs(v-2./3) <= 1e-12) {
			t.Errorf("%s: %v, want 2/3", got[i].Arch, v)
		}
		if v := got[i].Values[macs]; !(math.Abs(v-2./3) <= 1e-12) { // 3, 1, 2 and 1, 3, 2
			t.Errorf("%s: a later term is %v, want 2/3", got[i].Arch, v)
		}
		if !math.IsNaN(got[i].Values[ntk]) || !math.IsNaN(got[i].Values[depth]) {
			t.Errorf("a term that a run lacks is %v", got[i].Values[ntk])
		}
	}
	if got, err := fuse(a); err != nil || !cmp.Equal(got, a, cmpopts.EquateNaNs()) {
		t.Errorf("one run: %v, %v", got, err)
	}
	a[1].Dead = true
	if got, _ := fuse(a, b); !got[1].Dead || !math.IsInf(got[1].Values[naswot], -1) || got[0].Values[naswot] != .75 {
		t.Errorf("with a dead one: %v", got)
	}
	if _, err := fuse(a, []Scores{{Arch: "other"}}); err == nil {
		t.Error("fused runs without a common architecture")
	}
}

// Networks of one mean rank are tied, whatever their ranks: here k in one run and n + 1 − k in the other of n networks.
func TestEqualMeanRanksAreTied(t *testing.T) {
	naswot, _ := termIndex("naswot")
	for n := 2; n < 40; n++ {
		of := func(sign float64) ScoreSet {
			return SetOf(fakeScores(n, func(i int, _ *philox.Stream) map[string]float64 {
				return map[string]float64{"naswot": sign * float64(i)}
			}))
		}
		fused, err := MeanRanks([]ScoreSet{of(1), of(-1)})
		if err != nil {
			t.Fatal(err)
		}
		for i := range fused.Len() {
			if v, want := fused.value(i, naswot), float64(n+1)/float64(2*n); v != want {
				t.Errorf("network %d of %d: %v, want %v", i, n, v, want)
			}
		}
	}
}

// Noise of single runs cancels in the mean of their ranks.
func TestMeanRanksCancelNoise(t *testing.T) {
	const n = 150
	truth := make([]float64, n)
	run := func(seed uint64, scale float64) []Scores {
		return fakeScores(n, func(i int, _ *philox.Stream) map[string]float64 {
			truth[i] = philox.New(1, "truth", uint64(i)).Float64()
			return map[string]float64{"naswot": scale * (truth[i] + philox.New(seed, "noise", uint64(i)).Float64())}
		})
	}
	runs := []ScoreSet{SetOf(run(1, 1)), SetOf(run(2, 1000)), SetOf(run(3, 1e-3))}
	fused, err := MeanRanks(runs)
	if err != nil {
		t.Fatal(err)
	}
	naswot, _ := termIndex("naswot")
	tau := func(scores ScoreSet) float64 { return rank.KendallTauB(scores.column(naswot, nil), truth) }
	for i, one := range runs {
		if tau(fused) < tau(one)+.05 {
			t.Errorf("fused %v, run %d alone %v", tau(fused), i, tau(one))
		}
	}
}

func TestMeanQuantiles(t *testing.T) {
	of := func(values ...float64) *Calibration {
		c, err := NewCalibration(fakeScores(len(values), func(i int, _ *philox.Stream) map[string]float64 { return map[string]float64{"naswot": values[i]} }))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	calibrations := []*Calibration{of(1, 2, 3), of(10, 20, 30)}
	scores := func(first, second float64) []Scores {
		return fakeScores(2, func(i int, _ *philox.Stream) map[string]float64 {
			return map[string]float64{"naswot": []float64{first, second}[i]}
		})
	}
	naswot, _ := termIndex("naswot")
	ntk, _ := termIndex("ntk")
	for _, c := range []struct{ first, second, want float64 }{
		{0, 0, .125}, {9, 99, .875}, {2, 20, .5}, {9, 5, .5}, {2.5, 15, .5}, {2, 25, .5625},
	} {
		got := MeanQuantiles(calibrations, scores(c.first, c.second))
		if v := got.Values[naswot]; !(math.Abs(v-c.want) <= 1e-12) || !math.IsNaN(got.Values[ntk]) {
			t.Errorf("%v, %v: %v, want %v; a term that is missing is %v", c.first, c.second, v, c.want, got.Values[ntk])
		}
	}
	dead := scores(2, 20)
	dead[0].Dead, dead[1].Dead = true, true
	if got := MeanQuantiles(calibrations, dead); !got.Dead || !math.IsInf(got.Values[naswot], -1) {
		t.Errorf("a dead architecture: %+v", got)
	}
}

// Equal sums of places have equal means, in whatever order the runs are.
func TestEqualMeanQuantiles(t *testing.T) {
	const n = 20
	naswot, _ := termIndex("naswot")
	places := func(of ...float64) float64 {
		var calibrations []*Calibration
		var scores []Scores
		for _, place := range of {
			sample := fakeScores(n, func(i int, _ *philox.Stream) map[string]float64 { return map[string]float64{"naswot": float64(i)} })
			c, err := NewCalibration(sample)
			if err != nil {
				t.Fatal(err)
			}
			calibrations = append(calibrations, c)
			scores = append(scores, fakeScores(1, func(int, *philox.Stream) map[string]float64 { return map[string]float64{"naswot": place} })...)
		}
		return MeanQuantiles(calibrations, scores).Values[naswot]
	}
	for i := range n * n {
		a, b := float64(i/n), float64(i%n)
		if got, want := places(a, b, 7), places(7, a, b); got != want {
			t.Fatalf("places %v, %v, 7: %v, in another order %v", a, b, got, want)
		}
		if got, want := places(a, b), places(a-1, b+1); a > 0 && b < n-1 && got != want {
			t.Fatalf("places %v, %v: %v; with the same sum %v", a, b, got, want)
		}
	}
}
