package indicator

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"bnas.example/supernet"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"
)

// cheap has terms of the path and of the network that few passes measure.
var cheap = []string{"bn_entropy", "cell_spectrum", "isometry", "bn_noise", "gamma_sum", "macs"}

// repeated returns scorers of n repeats of a bench, with the same images.
func (b *bench) repeated(t *testing.T, n int) []*Scorer {
	t.Helper()
	cfg := small
	cfg.Terms = cheap
	var all []*Scorer
	for k := range n {
		all = append(all, b.scorer(t, cfg.Repeat(k)))
	}
	return all
}

func TestOneRepeatIsTheScorer(t *testing.T) {
	b := newBench(t, supernet.Fair, true)
	want := b.must(t, b.repeated(t, 1)[0], mixed)
	got, err := NewRepeated(b.repeated(t, 1)...).Score(b.arch(t, mixed))
	if err != nil || !cmp.Equal(got, want, cmpopts.EquateNaNs()) {
		t.Errorf("%v: %s", err, cmp.Diff(want, got, cmpopts.EquateNaNs()))
	}
	if got.Repeats != 0 || got.Spread != nil {
		t.Errorf("one measurement has %d repeats and spread %v", got.Repeats, got.Spread)
	}
}

// TestRepeatedMean compares with the mean and the standard deviation of three scorers.
func TestRepeatedMean(t *testing.T) {
	b := newBench(t, supernet.Fair, true)
	got, err := NewRepeated(b.repeated(t, 3)...).Score(b.arch(t, mixed))
	if err != nil {
		t.Fatal(err)
	}
	var singles []Scores
	for _, s := range b.repeated(t, 3) {
		singles = append(singles, b.must(t, s, mixed))
	}
	if got.Repeats != 3 || got.Arch != mixed {
		t.Errorf("%d repeats of %s", got.Repeats, got.Arch)
	}
	for i, term := range terms {
		x, y, z := singles[0].Values[i], singles[1].Values[i], singles[2].Values[i]
		mean := (x + y + z) / 3
		sd := math.Sqrt(((x-mean)*(x-mean) + (y-mean)*(y-mean) + (z-mean)*(z-mean)) / 2)
		if !slices.Contains(cheap, term.Name) {
			if !math.IsNaN(got.Values[i]) || !math.IsNaN(got.Spread[i]) {
				t.Errorf("%s was not requested and is %v ± %v", term.Name, got.Values[i], got.Spread[i])
			}
			continue
		}
		if !(math.Abs(got.Values[i]-mean) <= 1e-12*math.Abs(mean)) || !(math.Abs(got.Spread[i]-sd) <= 1e-9*math.Abs(mean)) {
			t.Errorf("%s: %v ± %v, want %v ± %v", term.Name, got.Values[i], got.Spread[i], mean, sd)
		}
		if constant := term.Name != "isometry"; constant && (got.Values[i] != x || got.Spread[i] != 0) {
			t.Errorf("%s does not depend on the draws: %v ± %v, want %v ± 0", term.Name, got.Values[i], got.Spread[i], x)
		}
	}
}

func TestRepeatedDead(t *testing.T) {
	b := newBench(t, supernet.Fair, true)
	got, err := NewRepeated(b.repeated(t, 2)...).Score(b.arch(t, "|none~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|nor_conv_3x3~2|"))
	if err != nil || !got.Dead || got.Repeats != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, term := range terms {
		if !math.IsInf(got.Values[i], -1) || !math.IsNaN(got.Spread[i]) {
			t.Errorf("%s: %v ± %v", term.Name, got.Values[i], got.Spread[i])
		}
	}
}

// TestRepeatedErrors: an error names the repeat, and Stop ends the scoring before any pass.
func TestRepeatedErrors(t *testing.T) {
	b, broken := newBench(t, supernet.Fair, false), newBench(t, supernet.Fair, false)
	for _, bn := range broken.net.BNs() {
		if bn.Place < 0 {
			broken.write(t, bn.Gamma, slices.Repeat([]float32{float32(math.NaN())}, broken.net.Params()[bn.Gamma].Len()))
		}
	}
	r := NewRepeated(append(b.repeated(t, 1), broken.repeated(t, 1)...)...)
	if _, err := r.Score(b.arch(t, mixed)); err == nil || !strings.Contains(err.Error(), "repeat 2 of 2") || !strings.Contains(err.Error(), mixed) {
		t.Errorf("error %v", err)
	}
	stop := errors.New("stop")
	r.Stop = func() error { return stop }
	if _, err := r.Score(b.arch(t, mixed)); !errors.Is(err, stop) {
		t.Errorf("stopped with %v", err)
	}
	one, asked := NewRepeated(b.repeated(t, 1)...), 0
	one.Stop = func() error {
		if asked++; asked == 4 {
			return stop
		}
		return nil
	}
	if _, err := one.Score(b.arch(t, mixed)); !errors.Is(err, stop) || asked != 4 {
		t.Errorf("one repeat stopped with %v after %d questions", err, asked)
	}
	program, err := b.net.Program(b.arch(t, mixed))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.Score(b.arch(t, mixed)); err != nil || asked < 4+2*len(program.Steps) {
		t.Errorf("%v after %d questions: the passes of a Program of %d steps ask before each step", err, asked, len(program.Steps))
	}
}

func TestMeanAndDeviation(t *testing.T) {
	inf, nan := math.Inf(-1), math.NaN()
	for _, c := range []struct {
		x               []float64
		mean, deviation float64
	}{
		{[]float64{1, 2, 3, 6}, 3, math.Sqrt(14. / 3)},
		{[]float64{.1, .1, .1}, .1, 0},
		{[]float64{1, inf, 2}, inf, nan},
		{[]float64{inf, inf}, inf, nan},
		{[]float64{nan, nan}, nan, nan},
		{[]float64{1e9, 1e9 + 1}, 1e9 + .5, math.Sqrt(.5)},
	} {
		mean, deviation := meanAndDeviation(c.x)
		if !sameNumber(mean, c.mean) || !(math.Abs(deviation-c.deviation) < 1e-15 || sameNumber(deviation, c.deviation)) {
			t.Errorf("%v: %v ± %v, want %v ± %v", c.x, mean, deviation, c.mean, c.deviation)
		}
	}
}

func TestRepeatSeeds(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(3) {
		if RepeatSeed(seed, 0) != seed {
			t.Errorf("repeat 0 of seed %d has seed %d", seed, RepeatSeed(seed, 0))
		}
		for k := range 64 {
			seen[RepeatSeed(seed, k)] = true
		}
	}
	if len(seen) != 3*64 {
		t.Errorf("%d different seeds of 192", len(seen))
	}
	if c := (Config{Seed: 5, Repeats: 9}).Repeat(2); c.Seed != RepeatSeed(5, 2) || c.Repeats != 1 {
		t.Errorf("%+v", c)
	}
	// A part with a seed of its own has that of the repeat; one without stays without, and follows Seed.
	for _, c := range []Config{{ImageSeed: 7}, {DirectionSeed: 9}, {ImageSeed: 7, DirectionSeed: 9}} {
		of := func(seed uint64) uint64 {
			if seed == 0 {
				return 0
			}
			return RepeatSeed(seed, 2)
		}
		if got := c.Repeat(2); got.ImageSeed != of(c.ImageSeed) || got.DirectionSeed != of(c.DirectionSeed) {
			t.Errorf("images %d, directions %d: in the repeat %d and %d", c.ImageSeed, c.DirectionSeed, got.ImageSeed, got.DirectionSeed)
		}
	}
}

// TestRepeatsInYAML: 1 is left out, so that settings without repeats have the text of an older version.
func TestRepeatsInYAML(t *testing.T) {
	for n, there := range map[Repeats]bool{0: false, 1: false, 2: true} {
		text, err := yaml.Marshal(Config{Repeats: n})
		if err != nil || strings.Contains(string(text), "repeats") != there {
			t.Errorf("%d repeats: %s, %v", n, text, err)
		}
	}
	for n, valid := range map[Repeats]bool{-1: false, 1: true, 64: true, 65: false} {
		c := Config{Repeats: n}.WithDefaults()
		if err := c.Validate(); (err == nil) != valid || !valid && !strings.Contains(err.Error(), "score.repeats") {
			t.Errorf("%d repeats: %v", n, err)
		}
	}
}

// spreadScores are someScores with repeats: of the last row, which is dead, no term has a spread.
func spreadScores() []Scores {
	all := someScores()
	for k := range all {
		all[k].Repeats, all[k].Spread = 3, make([]float64, len(terms))
		for i, v := range all[k].Values {
			all[k].Spread[i] = math.Abs(v) / 7
			if math.IsNaN(v) || math.IsInf(v, 0) {
				all[k].Spread[i] = math.NaN()
			}
		}
	}
	return all
}

func TestSpreadRoundTrip(t *testing.T) {
	mixture := append(spreadScores(), Scores{Arch: "single", Canonical: "s", Values: slices.Repeat([]float64{2}, len(terms))})
	got, err := ReadScores(strings.NewReader(scoreText(t, mixture)), "f.csv")
	if d := cmp.Diff(mixture, got.List(), cmpopts.EquateNaNs()); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
	columns := ScoreColumns(3)
	if n := len(columns); n != 5+2*len(terms) || columns[n-1] != CheckColumn || columns[3+len(terms)] != "repeats" || columns[4+len(terms)] != terms[0].Name+"_sd" {
		t.Errorf("columns %v", columns)
	}
}

func TestReadSpreadErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"arch,canonical,dead,ntk_sd\n", `no column "repeats"`},
		{"arch,canonical,dead,repeats,nothing_sd\n", `column "nothing_sd"`},
		{"arch,canonical,dead,repeats\na,a,false,1\n", `column "repeats": "1"`},
		{"arch,canonical,dead,repeats\na,a,false,x\n", `column "repeats": "x"`},
		{"arch,canonical,dead,ntk_sd,repeats\na,a,false,-1,2\n", `column "ntk_sd": "-1"`},
		{"arch,canonical,dead,ntk_sd,repeats\na,a,false,Inf,2\n", `column "ntk_sd": "Inf"`},
		{"arch,canonical,dead,ntk_sd,repeats\na,a,false,1,\n", "without repeats"},
	} {
		if _, err := ReadScores(strings.NewReader(c.text), "f.csv"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.text, err, c.want)
		}
	}
}

// TestReliabilities: four architectures with means 0, 2, 4, 6 (variance 20/3) and the spread 1 over 4 repeats.
func TestReliabilities(t *testing.T) {
	var all []Scores
	for k := range 4 {
		s := Scores{Repeats: 4, Values: make([]float64, len(terms)), Spread: slices.Repeat([]float64{math.NaN()}, len(terms))}
		s.Values[0], s.Spread[0] = float64(2*k), 1
		s.Values[1], s.Spread[1] = 3, 0 // the same everywhere
		all = append(all, s)
	}
	all = append(all, Scores{Values: make([]float64, len(terms))}) // not repeated
	got := Reliabilities(SetOf(all))
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	v := 20. / 3
	want := Reliability{terms[0].Name, 4, math.Sqrt(1 / v), 1 - .25/v, (v - .25) / (v - .125)}
	if !cmp.Equal(got[0], want, cmpopts.EquateApprox(1e-12, 0)) {
		t.Errorf("%+v, want %+v", got[0], want)
	}
}

// By hand: what has no figure is left out, and noise beyond the variance leaves no reliability.
func TestReliabilityOfFew(t *testing.T) {
	nan := math.NaN()
	of := func(repeats int, mean, spread float64) Scores {
		s := Scores{Repeats: repeats, Values: make([]float64, len(terms)), Spread: slices.Repeat([]float64{nan}, len(terms))}
		s.Values[0], s.Spread[0] = mean, spread
		return s
	}
	for name, c := range map[string]struct {
		scores []Scores
		want   []Reliability
	}{
		"two":   {[]Scores{of(4, 0, 1), of(4, 2, 1)}, nil},
		"equal": {[]Scores{of(4, 3, 1), of(4, 3, 1), of(4, 3, 1)}, nil},
		// Variance 4, noise 100/2.
		"noise": {[]Scores{of(2, 0, 10), of(2, 2, 10), of(2, 4, 10)}, []Reliability{{Term: terms[0].Name, N: 3, Spread: 5}}},
		// Of the last three one was not repeated, one has no spread and one no finite mean.
		"left out": {
			[]Scores{of(2, 0, 1), of(2, 2, 1), of(2, 4, 1), of(1, 90, 1), of(2, 90, nan), of(2, math.Inf(-1), 1)},
			[]Reliability{{terms[0].Name, 3, .5, 7. / 8, 14. / 15}}, // r and 2r/(1+r)
		},
	} {
		got := Reliabilities(SetOf(c.scores))
		if !cmp.Equal(got, c.want, cmpopts.EquateApprox(1e-12, 0)) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
