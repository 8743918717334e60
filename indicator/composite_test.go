package indicator

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bnas.example/philox"
	"bnas.example/rank"
)

// fakeScores returns the scores of n architectures. values(i, rng) gives the terms of architecture i; the others are NaN.
func fakeScores(n int, values func(i int, r *philox.Stream) map[string]float64) []Scores {
	all := make([]Scores, n)
	for i := range all {
		name := "arch " + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
		all[i] = Scores{Arch: name, Canonical: name, Values: slices.Repeat([]float64{math.NaN()}, len(terms))}
		for term, v := range values(i, philox.New(1, "scores", uint64(i))) {
			t, err := termIndex(term)
			if err != nil {
				panic(err)
			}
			all[i].Values[t] = v
		}
	}
	return all
}

func TestCalibratedQuantiles(t *testing.T) {
	sample := fakeScores(4, func(i int, _ *philox.Stream) map[string]float64 {
		return map[string]float64{"naswot": float64(i), "ntk": []float64{5, 5, 5, 9}[i]}
	})
	c, err := NewCalibration(sample)
	if err != nil {
		t.Fatal(err)
	}
	score := func(naswot, ntk float64) Scores {
		return fakeScores(1, func(int, *philox.Stream) map[string]float64 {
			return map[string]float64{"naswot": naswot, "ntk": ntk}
		})[0]
	}
	both := Composite{Name: "x", Terms: []string{"naswot", "ntk"}}
	for _, x := range []struct {
		composite Composite
		s         Scores
		want      float64
	}{
		// naswot 2.5 lies above three of four: (3+.5)/5; ntk 5 ties with three: (1.5+.5)/5.
		{both, score(2.5, 5), math.Log(3.5/5) + math.Log(2./5)},
		{Composite{Terms: []string{"naswot", "ntk"}, Against: []string{"ntk"}}, score(2.5, 5), math.Log(3.5/5) + math.Log(3./5)},
		{both, score(math.Inf(-1), 10), math.Log(.5/5) + math.Log(4.5/5)},
		{Composite{Terms: both.Terms, Linear: true}, score(2.5, 5), 3.5/5 + 2./5},
		{both, Scores{Dead: true}, math.Inf(-1)},
	} {
		if got := x.composite.Fuse(c, x.s); !(math.Abs(got-x.want) <= 1e-12) && got != x.want {
			t.Errorf("%v: %v, want %v", x.s.Values[:1], got, x.want)
		}
	}
	if got := both.Fuse(c, score(2.5, math.NaN())); !math.IsNaN(got) {
		t.Errorf("without a term: %v", got)
	}
	// A sample in which one network lacks a term is no calibration for it.
	ntk, err := termIndex("ntk")
	if err != nil {
		t.Fatal(err)
	}
	sample[2].Values[ntk] = math.NaN()
	lacking, err := NewCalibration(sample)
	if err != nil {
		t.Fatal(err)
	}
	if lacking.Covers(both) == nil || !math.IsNaN(both.Fuse(lacking, score(2.5, 5))) {
		t.Errorf("a term that one network lacks: %v, %v", lacking.Covers(both), both.Fuse(lacking, score(2.5, 5)))
	}
	if err := c.Covers(both); err != nil {
		t.Error(err)
	}
	if err := c.Covers(Composite{Terms: []string{"macs"}}); err == nil {
		t.Error("a term that the sample lacks is covered")
	}
	if _, err := NewCalibration([]Scores{{Dead: true}}); err == nil {
		t.Error("a sample of the dead calibrates")
	}
}

// A fused score and a log-rank do not change if the same monotone map is applied to a term of the sample and of the scores.
func TestFusionIsMonotoneInvariant(t *testing.T) {
	plain := fakeScores(60, func(i int, r *philox.Stream) map[string]float64 {
		return map[string]float64{"naswot": r.Float64(), "ntk_gauge": r.Float64(), "mc_mi": r.Float64()}
	})
	mapped := fakeScores(60, func(i int, r *philox.Stream) map[string]float64 {
		return map[string]float64{"naswot": math.Exp(5 * r.Float64()), "ntk_gauge": math.Log(r.Float64()), "mc_mi": r.Float64() - 7}
	})
	etu, err := LookupComposite("etu")
	if err != nil {
		t.Fatal(err)
	}
	a, err := NewCalibration(plain[:40])
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewCalibration(mapped[:40])
	if err != nil {
		t.Fatal(err)
	}
	for i := range plain {
		if x, y := etu.Fuse(a, plain[i]), etu.Fuse(b, mapped[i]); x != y {
			t.Errorf("architecture %d: %v and %v", i, x, y)
		}
	}
	x, err := etu.Ranks(plain)
	if err != nil {
		t.Fatal(err)
	}
	y, err := etu.Ranks(mapped)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(x, y) {
		t.Error("ranks changed")
	}
}

func TestRanks(t *testing.T) {
	set := fakeScores(3, func(i int, _ *philox.Stream) map[string]float64 {
		return map[string]float64{"naswot": []float64{1, 2, 3}[i], "ntk": []float64{8, 8, 7}[i]}
	})
	set = append(set, Scores{Dead: true})
	for _, x := range []struct {
		linear  bool
		against []string
		want    []float64
	}{
		{false, nil, []float64{math.Log(1. / 3 * 2.5 / 3), math.Log(2. / 3 * 2.5 / 3), math.Log(1. / 3), math.Inf(-1)}},
		{true, nil, []float64{1./3 + 2.5/3, 2./3 + 2.5/3, 1 + 1./3, math.Inf(-1)}},
		// Of ntk less is better: −8, −8 and −7 have the ranks 1.5, 1.5 and 3.
		{false, []string{"ntk"}, []float64{math.Log(1. / 3 * 1.5 / 3), math.Log(2. / 3 * 1.5 / 3), 0, math.Inf(-1)}},
		{true, []string{"ntk"}, []float64{1./3 + 1.5/3, 2./3 + 1.5/3, 2, math.Inf(-1)}},
	} {
		linear := x.linear
		c := Composite{Name: "x", Terms: []string{"naswot", "ntk"}, Against: x.against, Linear: linear}
		got, err := c.Ranks(set)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range x.want {
			if got[i] != want && !(math.Abs(got[i]-want) <= 1e-12) {
				t.Errorf("linear %v: ranks of %d: %v, want %v", linear, i, got[i], want)
			}
		}
		if others, _ := c.Without(Trainability); others.Linear != linear {
			t.Errorf("linear %v: a part of the composite is not", linear)
		}
	}
	if _, err := (Composite{Terms: []string{"macs"}}).Ranks(set); err == nil {
		t.Error("ranks of a term that is not there")
	}
}

// TestFuseAll: a set is fused as each of its architectures is.
func TestFuseAll(t *testing.T) {
	set := fakeScores(50, func(_ int, r *philox.Stream) map[string]float64 {
		return map[string]float64{"naswot": math.Floor(20 * r.Float64()), "ntk": r.Float64()}
	})
	set[4].Dead = true
	calibration, err := NewCalibration(set[:30])
	if err != nil {
		t.Fatal(err)
	}
	for _, linear := range []bool{false, true} {
		c := Composite{Name: "x", Terms: []string{"naswot", "ntk"}, Against: []string{"ntk"}, Linear: linear}
		got, err := c.fuseAll(SetOf(set[:30]), SetOf(set))
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range set {
			if want := c.Fuse(calibration, s); got[i] != want {
				t.Errorf("linear %v: %d has %v, want %v", linear, i, got[i], want)
			}
		}
	}
}

func TestUntrained(t *testing.T) {
	for name, want := range map[string]bool{
		"az-nas": true, "meco": true, "te_regions": true, "live_macs": true, "params": true, "standard_spectrum": true,
		"bnas": false, "gamma_sum": false, "naswot": false, "bn_noise_log": false, "one_shot_nll": false, "naswot+macs": false, "nwot-macs": true,
	} {
		c, err := LookupComposite(name)
		if err != nil || c.Untrained() != want {
			t.Errorf("%s: untrained %v, want %v (%v)", name, c.Untrained(), want, err)
		}
	}
}

func TestLookupComposite(t *testing.T) {
	for _, c := range Composites() {
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
		if got, err := LookupComposite(c.Name); err != nil || got.Name != c.Name {
			t.Errorf("%s: %v, %v", c.Name, got, err)
		}
	}
	for _, name := range TermNames() {
		if c, err := LookupComposite(name); err != nil || !slices.Equal(c.Terms, []string{name}) {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
	if _, err := LookupComposite("best"); err == nil || !strings.Contains(err.Error(), "etu") {
		t.Errorf("error %v", err)
	}
	for _, c := range []Composite{
		{Name: "none"}, {Terms: []string{"nonsense"}}, {Terms: []string{"ntk", "ntk"}}, {Terms: []string{"ntk"}, Against: []string{"macs"}},
	} {
		if c.Validate() == nil {
			t.Errorf("%+v is valid", c)
		}
	}
}

// planted returns scores in which three terms agree with the accuracy and the others are noise. Half of the architectures
// are copies of the other half.
func planted(n int) ([]Scores, []float64) {
	truth := make([]float64, n)
	all := fakeScores(n, func(i int, r *philox.Stream) map[string]float64 {
		truth[i] = r.Float64()
		m := map[string]float64{}
		for _, name := range []string{"naswot", "bn_entropy", "ntk", "isometry", "mc_mi", "logit_scale"} {
			m[name] = r.Float64()
		}
		for _, name := range []string{"cell_spectrum", "ntk_gauge", "bn_noise"} {
			m[name] = math.Exp(truth[i] + .3*r.Float64())
		}
		return m
	})
	for i := n / 2; i < n; i++ {
		all[i].Canonical, all[i].Values, truth[i] = all[i-n/2].Canonical, all[i-n/2].Values, truth[i-n/2]
	}
	return all, truth
}

func TestSelect(t *testing.T) {
	scores, truth := planted(200)
	set := SelectionSet{"planted", SetOf(scores), truth, 1}
	got, err := Selecting{MaxTerms: 8, Splits: 3, Seed: 4}.Select("chosen", []SelectionSet{set})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"cell_spectrum", "ntk_gauge", "bn_noise"}; !slices.Equal(got.Composite.Terms, want) || got.Composite.Name != "chosen" {
		t.Errorf("chose %v, want %v", got.Composite, want)
	}
	// 3·3·3 triples for each of three splits and once for all; then one round at least of 6 exchanges a term and 6 additions.
	if got.Tried < 4*(27+6+6) || len(got.Splits) != 3 {
		t.Errorf("tried %d, %d splits", got.Tried, len(got.Splits))
	}
	one := got.Sets[0]
	if one.Name != "planted" || one.Networks != 100 || one.Test < .7 || one.Deviation == nil || *one.Deviation <= 0 || !(math.Abs(got.Tau-one.Train) <= .1) {
		t.Errorf("%+v, τ %v", one, got.Tau)
	}
	first, second := Selecting{Seed: 4}.Halves(SetOf(scores), 0)
	if len(first)+len(second) != 200 {
		t.Fatalf("halves of %d and %d", len(first), len(second))
	}
	side := map[string]bool{}
	for _, i := range first {
		side[scores[i].Canonical] = true
	}
	for _, i := range second {
		if side[scores[i].Canonical] {
			t.Errorf("%s is on both sides", scores[i].Canonical)
		}
	}
}

// A half of equal accuracies has no τ: it is undefined, and null in JSON.
func TestSelectWithEqualAccuracies(t *testing.T) {
	scores, truth := planted(24)
	set := SetOf(scores)
	c := Selecting{MaxTerms: 3, Splits: 1, Seed: 1}
	_, second := c.Halves(set, 0)
	for _, i := range second {
		truth[i] = 0.5
	}
	got, err := c.Select("x", []SelectionSet{{"set", set, truth, 1}})
	if err != nil {
		t.Fatal(err)
	}
	if one := got.Sets[0]; !math.IsNaN(one.Test) || math.IsNaN(one.Train) || one.Deviation != nil {
		t.Errorf("%+v", one)
	}
	for _, v := range []any{got.Splits[0], got.Sets[0]} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`"test_tau_b":(\[null\]|null)`).Match(text) || regexp.MustCompile(`"train_tau_b":\[?null`).Match(text) {
			t.Errorf("%s", text)
		}
	}
}

// What ranks one set well and another one backwards is not chosen on both. Terms that a set lacks are not chosen.
func TestSelectOnTwoSets(t *testing.T) {
	scores, truth := planted(160)
	other, otherTruth := planted(160)
	spectrum, _ := termIndex("cell_spectrum")
	gauge, _ := termIndex("ntk_gauge")
	for i := range other {
		other[i].Values = slices.Clone(other[i].Values)
		other[i].Values[spectrum] = -other[i].Values[spectrum]
		other[i].Values[gauge] = math.NaN()
	}
	got, err := Selecting{MaxTerms: 8, Splits: 1, Seed: 1}.Select("both", []SelectionSet{{"a", SetOf(scores), truth, 1}, {"b", SetOf(other), otherTruth, 1}})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(got.Composite.Terms, "cell_spectrum") || slices.Contains(got.Composite.Terms, "ntk_gauge") || !slices.Contains(got.Composite.Terms, "bn_noise") {
		t.Errorf("chose %v", got.Composite.Terms)
	}
	if got.Sets[1].Deviation != nil || len(got.Sets) != 2 || len(got.Splits[0].Test) != 2 {
		t.Errorf("%+v", got)
	}
	// With all weight on a, only it counts.
	got, err = Selecting{MaxTerms: 3, Splits: 1, Seed: 1}.Select("a", []SelectionSet{{"a", SetOf(scores), truth, 1}, {"b", SetOf(other), otherTruth, 0}})
	if err != nil || !slices.Contains(got.Composite.Terms, "cell_spectrum") || len(got.Composite.Terms) != 3 {
		t.Errorf("chose %v, %v", got.Composite.Terms, err)
	}
}

func TestSelectRefuses(t *testing.T) {
	scores, _ := planted(40)
	for _, c := range []struct {
		scores []Scores
		truth  []float64
		wrong  string
	}{
		{fakeScores(20, func(i int, _ *philox.Stream) map[string]float64 {
			return map[string]float64{"naswot": float64(i), "ntk": 1}
		}), make([]float64, 20), "lack a perspective"},
		{scores, make([]float64, 40), "are equal"},
		{[]Scores{{Dead: true}}, []float64{1}, "no live architecture"},
	} {
		if _, err := (Selecting{MaxTerms: 4, Splits: 1}).Select("x", []SelectionSet{{"set", SetOf(c.scores), c.truth, 1}}); err == nil || !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("error %v, want %q in it", err, c.wrong)
		}
	}
}

func TestSubsets(t *testing.T) {
	scores := []Scores{{Canonical: "a"}, {Canonical: "b"}, {Canonical: "a"}, {Canonical: "a"}, {Canonical: "#", Dead: true}}
	truth := []float64{80, 70, 91, 84, 10}
	for _, c := range []struct {
		subset Subset
		want   []float64
	}{{All, truth}, {Live, truth[:4]}, {Distinct, []float64{85, 70}}} {
		s, a, err := c.subset.Of(SetOf(scores), truth)
		if err != nil || !slices.Equal(a, c.want) || s.Len() != len(a) {
			t.Errorf("%s: %v, %v", c.subset, a, err)
		}
	}
	if _, _, err := Subset("some").Of(SetOf(scores), truth); err == nil {
		t.Error("subset some")
	}
}

func TestJudge(t *testing.T) {
	scores, truth := planted(60)
	table, err := ReadTruth(strings.NewReader("arch,test_accuracy\n"+scores[0].Arch+",7\n"), "t.csv", TruthColumns{})
	if err != nil {
		t.Fatal(err)
	}
	if found, accuracy, missing := Join(SetOf(scores[:3]), table); found.Len() != 1 || accuracy[0] != 7 || missing != 2 {
		t.Errorf("joined %v %v %v", found, accuracy, missing)
	}
	j := Judging{Resamples: 20, Top: []int{1, 5}}
	all := j.Terms(SetOf(scores), truth)
	if len(all) != 9 {
		t.Errorf("%d terms are judged, 9 are there", len(all))
	}
	for _, c := range all {
		i, _ := termIndex(c.Name)
		column := make([]float64, len(scores))
		for k, s := range scores {
			column[k] = s.Values[i]
		}
		if c.Tau != rank.KendallTauB(column, truth) || c.Rho != rank.Spearman(column, truth) || len(c.Top) != 2 || c.N != 60 {
			t.Errorf("%+v", c)
		}
	}
	var begun []string
	telling := Judging{Resamples: 1, Begin: func(name string) { begun = append(begun, name) }}
	telling.Terms(SetOf(scores), truth)
	if _, err := telling.Differences([]Composite{{Name: "a", Terms: []string{"naswot"}}, {Name: "b", Terms: []string{"naswot"}}}, SetOf(scores), truth); err != nil {
		t.Fatal(err)
	}
	if len(begun) != 10 || begun[0] != all[0].Name || begun[9] != "b less a" {
		t.Errorf("told of %q", begun)
	}
	if _, err := j.Composites([]Composite{{Terms: []string{"macs"}}}, SetOf(scores), truth); err == nil {
		t.Error("judged a composite without its terms")
	}
	if c := j.Judge("count", []float64{3000, 7, 3000, 8, 3000, 7}, []float64{1, 2, 3, 4, 5, 6}); c.Equal != 3 {
		t.Errorf("%d of 3000 7 3000 8 3000 7 are equal, want 3", c.Equal)
	}
	if c := j.Judge("count", []float64{9, 7, 7, 1, 7, 9}, []float64{1, 2, 3, 4, 5, 6}); c.Equal != 3 {
		t.Errorf("%d of 9 7 7 1 7 9 are equal, want 3", c.Equal)
	}
	naswot := SetOf(scores).column(0, nil)
	if got, want := j.Judge("naswot", naswot, truth).Interval, rank.KendallInterval(naswot, truth, 20, .95, j.resample); got != want {
		t.Errorf("interval %v, at 95 %% %v", got, want)
	}
}

// A difference is the τ-b of a composite less that of the first one: here −1 and 1, in every resample.
func TestDifferencesOfComposites(t *testing.T) {
	truth := make([]float64, 30)
	scores := fakeScores(len(truth), func(i int, _ *philox.Stream) map[string]float64 {
		truth[i] = float64(i)
		return map[string]float64{"naswot": float64(i), "ntk": -float64(i), "macs": math.Exp(float64(i))}
	})
	of := func(name string) Composite { return Composite{Name: name, Terms: []string{name}} }
	got, err := Judging{Resamples: 20}.Differences([]Composite{of("naswot"), of("ntk"), of("macs")}, SetOf(scores), truth)
	if err != nil {
		t.Fatal(err)
	}
	want := []Difference{{"ntk", "naswot", -2, rank.Interval{Low: -2, High: -2}}, {"macs", "naswot", 0, rank.Interval{}}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Of n networks, the k-th has rank k in one term and n + 1 − k in the other: in a linear composite all are equal, whatever it divides by.
func TestEqualSumsOfRanksAreTied(t *testing.T) {
	for n := 2; n < 40; n++ {
		set := fakeScores(n, func(i int, _ *philox.Stream) map[string]float64 {
			return map[string]float64{"naswot": float64(i), "ntk": -float64(i), "depth": float64(i)}
		})
		calibration, err := NewCalibration(set)
		if err != nil {
			t.Fatal(err)
		}
		var all []int32
		for i := range set {
			all = append(all, int32(i))
		}
		for _, c := range []Composite{
			{Name: "x", Terms: []string{"naswot", "ntk"}, Linear: true}, {Name: "x", Terms: []string{"naswot", "depth"}, Against: []string{"depth"}, Linear: true},
		} {
			ranks, err := c.Ranks(set)
			if err != nil {
				t.Fatal(err)
			}
			among, err := c.RanksAmong(n, func(i int) (Scores, error) { return set[i], nil }, all)
			if err != nil {
				t.Fatal(err)
			}
			fused, err := c.fuseAll(SetOf(set), SetOf(set))
			if err != nil {
				t.Fatal(err)
			}
			for i := range set {
				got := [4]float64{ranks[i], among[i], fused[i], c.Fuse(calibration, set[i])}
				if want := [4]float64{float64(n+1) / float64(n), float64(n+1) / float64(n), 1, 1}; got != want {
					t.Errorf("network %d of %d, against %v: %v, want %v", i, n, c.Against, got, want)
				}
			}
		}
	}
}
