package indicator

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
	"bnas.example/philox"
	"bnas.example/supernet"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestScoreEverywhere: every term of a random network of each space is a number, on the CPU engine where there is one. The float32 of
// the engine overflows before the float64 of the reference.
func TestScoreEverywhere(t *testing.T) {
	networks := 1
	if os.Getenv("BNAS_LONG") != "" {
		networks = 10
	}
	for _, space := range supernet.Spaces() {
		for _, placement := range []supernet.Placement{supernet.Standard, supernet.Fair} {
			cfg := supernet.Config{Space: space.Name(), BN: placement, Seed: 1, Classes: 3, Height: 16, Width: 16, Channels: 4}
			if space.Defaults().Cells > 0 {
				cfg.Cells = 1
			}
			net, err := supernet.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			b := newBench(t, placement, false)
			if dev, err := cpu.New(1, cpu.Strict); err == nil {
				t.Cleanup(func() { dev.Close() })
				b.dev = dev
			} else if !errors.Is(err, kernels.ErrUnsupported) {
				t.Fatal(err)
			}
			b.net, b.in = net, someImages(small.ImagesNeeded(), 16, 16, 3)
			if b.store, err = net.NewStore(b.dev); err != nil {
				t.Fatal(err)
			}
			s := b.scorer(t, small)
			r := philox.New(2, "arch", 0)
			for range networks {
				a := supernet.Random(space, r)
				got, err := s.Score(a)
				if err != nil {
					t.Fatalf("%s, %s: %v", space.Name(), placement, err)
				}
				for i, v := range got.Values {
					if math.IsNaN(v) || math.IsInf(v, 1) {
						t.Errorf("%s, %s, %s: %s is %v", space.Name(), placement, got.Arch, terms[i].Name, v)
					}
				}
			}
		}
	}
}

func TestScoreIsRepeatable(t *testing.T) {
	b := newBench(t, supernet.Fair, true)
	s := b.scorer(t, small)
	first := b.must(t, s, mixed)
	other := b.must(t, s, "|skip_connect~0|+|none~0|avg_pool_3x3~1|+|none~0|nor_conv_1x1~1|none~2|")
	if slices.Equal(first.Values, other.Values) {
		t.Error("two networks have the same scores")
	}
	s.Reset()
	if again := b.must(t, s, mixed); !cmp.Equal(first, again) {
		t.Errorf("after a reset: %s", cmp.Diff(first, again))
	}
	if again := b.must(t, b.scorer(t, small), mixed); !cmp.Equal(first, again) {
		t.Errorf("by another scorer: %s", cmp.Diff(first, again))
	}
}

// Architectures that are the same network have the same terms of the network, in any order of scoring. Each has its own
// terms of the path.
func TestScoreByCanonicalForm(t *testing.T) {
	b := newBench(t, supernet.Fair, true)
	x := "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|"
	y := "|skip_connect~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|"
	forward, backward := b.scorer(t, small), b.scorer(t, small)
	x1, y1 := b.must(t, forward, x), b.must(t, forward, y)
	y2, x2 := b.must(t, backward, y), b.must(t, backward, x)
	if x1.Canonical != y1.Canonical {
		t.Fatalf("canonical forms %q and %q", x1.Canonical, y1.Canonical)
	}
	if !cmp.Equal(x1, x2) || !cmp.Equal(y1, y2) {
		t.Error("scores depend on the order of scoring")
	}
	for i, term := range terms {
		if !ofPath(term) && x1.Values[i] != y1.Values[i] {
			t.Errorf("%s: %v and %v", term.Name, x1.Values[i], y1.Values[i])
		}
	}
	if named(x1)["gamma_sum"] == named(y1)["gamma_sum"] {
		t.Error("γ-sum of different paths is the same")
	}
}

// In a space that is not indexed a score does not depend on earlier ones either: a search that goes on after an interruption, and each
// of several workers, scores an architecture as an undisturbed search does that has met its network before.
func TestScoreOfAnEquivalent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(path, []byte(longChain), 0o666); err != nil {
		t.Fatal(err)
	}
	own, chain, err := supernet.ReadSpace(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		space, chain string
		cells        int
		x, y         string
	}{
		{"nas-bench-101", "", 1, "110|01|1|31", "110|01|1|13"},
		{own, chain, 0, "1 0" + strings.Repeat(" 0", 15), "0 1" + strings.Repeat(" 0", 15)},
	} {
		b := benchOf(t, supernet.Config{Space: c.space, Chain: c.chain, BN: supernet.Fair, Seed: 3, Classes: 4, Height: 8, Width: 8, Channels: 4, Cells: c.cells}, true)
		cfg := small
		cfg.Terms = []string{"naswot", "bn_spectrum"}
		whole := b.scorer(t, cfg)
		x, y := b.must(t, whole, c.x), b.must(t, whole, c.y)
		if x.Canonical != y.Canonical || x.Arch == y.Arch {
			t.Fatalf("%s: canonical forms %q and %q of %s and %s", c.space, x.Canonical, y.Canonical, x.Arch, y.Arch)
		}
		if alone := b.must(t, b.scorer(t, cfg), c.y); !cmp.Equal(alone, y, cmpopts.EquateNaNs()) {
			t.Errorf("%s: %s alone: %s", c.space, c.y, cmp.Diff(y, alone, cmpopts.EquateNaNs()))
		}
	}
}

// longChain is a space of more architectures than are indexed.
const longChain = `
name: long-chain
images: {height: 8, width: 8}
classes: 4
activation: relu
stem: {out: 4, kernel: 3, stride: 1}
operators: [identity, mb3_k3]
stages:
  - {out: 4, layers: 17, stride: 1}
head: 8
`

func TestDeadIsLowest(t *testing.T) {
	b := newBench(t, supernet.Fair, true)
	s := b.scorer(t, small)
	dead := b.must(t, s, "|none~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|nor_conv_3x3~2|")
	if !dead.Dead {
		t.Error("not said to be dead")
	}
	for i, v := range dead.Values {
		if !math.IsInf(v, -1) {
			t.Errorf("%s is %v", terms[i].Name, v)
		}
	}
	live := b.must(t, s, mixed)
	if live.Dead {
		t.Error("a live network is said to be dead")
	}
	calibration, err := NewCalibration([]Scores{live, dead})
	if err != nil {
		t.Fatal(err)
	}
	set := []Scores{dead, live}
	for _, c := range Composites() {
		if f := c.Fuse(calibration, dead); !math.IsInf(f, -1) {
			t.Errorf("%s: dead fuses to %v", c.Name, f)
		}
		against := Composite{Name: c.Name, Terms: c.Terms, Against: c.Terms}
		for _, fusion := range []func([]Scores) ([]float64, error){c.Ranks, against.Ranks} {
			got, err := fusion(set)
			if err != nil {
				t.Fatal(err)
			}
			if !(got[0] < got[1]) {
				t.Errorf("%s: dead %v, live %v", c.Name, got[0], got[1])
			}
		}
	}
}

func TestSubsetOfTerms(t *testing.T) {
	b := newBench(t, supernet.Standard, true)
	all := b.must(t, b.scorer(t, small), mixed)
	for i, term := range terms {
		cfg := small
		cfg.Terms = []string{term.Name}
		got := b.must(t, b.scorer(t, cfg), mixed)
		want := slices.Repeat([]float64{math.NaN()}, len(terms))
		want[i] = all.Values[i]
		if !cmp.Equal(got.Values, want, cmpopts.EquateNaNs()) {
			t.Errorf("%s alone: %v, among all %v", term.Name, got.Values[i], all.Values[i])
		}
	}
}

func TestScorerErrors(t *testing.T) {
	b := newBench(t, supernet.Fair, false)
	need := small.ImagesNeeded()
	with := func(change func(*Config)) Config { c := small; change(&c); return c }
	for _, c := range []struct {
		name string
		in   Inputs
		cfg  Config
		want string
	}{
		{"unknown term", b.in, with(func(c *Config) { c.Terms = []string{"nonsense"} }), `no term "nonsense"`},
		{"too many NTK images", b.in, with(func(c *Config) { c.NTKImages = 13 }), "more than score.images"},
		{"one MC batch", b.in, with(func(c *Config) { c.MCBatches = 1 }), "mc_batches"},
		{"too few images", someImages(need-1, 8, 8, 4), small, "are needed"},
		{"wrong size", someImages(need, 16, 8, 4), small, "N×3×8×8"},
		{"a label too high", someImages(need, 8, 8, 9), small, "label"},
		{"a label too few", Inputs{Images: b.in.Images, Labels: b.in.Labels[1:]}, with(func(c *Config) { c.MCQueries-- }), "values for"},
	} {
		if _, err := NewScorer(b.net, b.dev, b.store, c.in, c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := b.scorer(t, small).Score(supernet.Arch{1, 2}); err == nil {
		t.Error("an architecture of two genes was scored")
	}
}

// A parameter that is not finite is an error with the architecture's name, not a score.
func TestScoreNotFinite(t *testing.T) {
	b := newBench(t, supernet.Fair, false)
	for _, bn := range b.net.BNs() {
		if bn.Place < 0 {
			b.write(t, bn.Gamma, slices.Repeat([]float32{float32(math.NaN())}, b.net.Params()[bn.Gamma].Len()))
		}
	}
	if got, err := b.scorer(t, small).Score(b.arch(t, mixed)); err == nil || !strings.Contains(err.Error(), mixed) {
		t.Errorf("scores %v, error %v", got, err)
	}
}

func TestScoresJSON(t *testing.T) {
	text, err := json.Marshal(someScores()[:2])
	if err != nil {
		t.Fatal(err)
	}
	var got []struct {
		Arch  string
		Terms map[string]*float64
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if _, there := got[0].Terms[terms[1].Name]; there || len(got[0].Terms) != len(terms)-1 {
		t.Errorf("a term that was not computed is written: %s", text)
	}
	if v, there := got[1].Terms[terms[0].Name]; !there || v != nil {
		t.Errorf("−Inf is not null: %s", text)
	}
	if got[1].Arch != "b" || *got[1].Terms[terms[2].Name] != someScores()[1].Values[2] {
		t.Errorf("%s", text)
	}
}
