package run

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bnas.example/supernet"
	"bnas.example/train"
)

var ownArchs = []string{
	"|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|",
	"|skip_connect~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|none~2|",
}

// ownConfig is a retraining of a second.
func ownConfig(t *testing.T) Config {
	t.Helper()
	c := Default()
	r, err := LookupRecipe("nas-bench-201-12")
	if err != nil {
		t.Fatal(err)
	}
	r.Apply(&c)
	c.Device, c.Supernet.Height, c.Supernet.Width, c.Supernet.Channels, c.Supernet.Cells = "cpu", 8, 8, 4, 1
	c.Train.Path, c.Train.Steps, c.Train.Batch, c.Train.TestImages, c.Train.EMA = ownArchs[0], 4, 8, 20, 0.5
	return c
}

// retrainAll trains what is left of a series. With a limit it interrupts each network after so many steps.
func retrainAll(t *testing.T, s *Retraining, r *Run, limit int) {
	t.Helper()
	for i := range s.Archs {
		for {
			if r == nil {
				var err error
				if r, err = s.Open(i+1, Options{}); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			made := 0
			_, err := r.Train(ctx, func(p train.Progress) {
				if made++; limit > 0 && made > limit {
					cancel()
				}
			})
			cancel()
			if err == nil {
				_, err = s.Finish(i+1, r)
			}
			r.Close()
			r = nil
			if err == nil {
				break
			}
			if !errors.Is(err, train.ErrInterrupted) {
				t.Fatal(err)
			}
		}
	}
}

// An interrupted retraining has the files of an uninterrupted one, to the bit.
func TestRetraining(t *testing.T) {
	whole, cut := t.TempDir(), t.TempDir()
	s, r, err := CreateRetraining(whole, ownConfig(t), ownArchs, Options{})
	if err != nil {
		t.Fatal(err)
	}
	retrainAll(t, s, r, 0)
	_, r, err = CreateRetraining(cut, ownConfig(t), ownArchs, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if s, err = OpenRetraining(cut); err != nil {
		t.Fatal(err)
	}
	retrainAll(t, s, nil, 1)
	for _, name := range []string{RetrainedTableName, "1/" + RetrainedName, "2/" + RetrainedName, "1/checkpoint", "2/checkpoint"} {
		a, errA := os.ReadFile(filepath.Join(whole, name))
		b, errB := os.ReadFile(filepath.Join(cut, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs (%v, %v)", name, errA, errB)
		}
	}
	got, err := s.Result(2)
	if err != nil {
		t.Fatal(err)
	}
	if got.Arch != ownArchs[1] || got.Recipe != "nas-bench-201-12" || got.Steps != 4 || got.Params == 0 || got.Test == nil || got.Test.Images != 20 {
		t.Errorf("result %+v", got)
	}
	cfg, err := ReadConfig(s.Folder(2))
	if err != nil {
		t.Fatal(err)
	}
	one, err := Open(s.Folder(2), cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	own, err := one.Own()
	if err != nil || one.Net.Space.Format(own) != ownArchs[1] {
		t.Errorf("the run's own network is %v (%v)", own, err)
	}
	if _, err := one.Net.StateDict(one.Store, own, *one.Position.Running); err != nil {
		t.Error(err)
	}
}

// A retraining that cannot start leaves nothing behind, and another one is not overwritten.
func TestRetrainingErrors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for name, change := range map[string]func(*Config, []string){
		"images": func(c *Config, _ []string) { c.Data.Name, c.Data.Dir = "cifar10", dir },
		"batch":  func(c *Config, _ []string) { c.Train.Batch = 60000 },
		"dead":   func(c *Config, a []string) { a[0] = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|" },
		"path":   func(c *Config, a []string) { a[0] = "22212220" },
		"recipe": func(c *Config, _ []string) { c.Recipe = "none" },
	} {
		c, archs := ownConfig(t), []string{ownArchs[0]}
		change(&c, archs)
		if _, r, err := CreateRetraining(dir, c, archs, Options{}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v", name, err)
			r.Close()
		}
		if _, err := os.Lstat(filepath.Dir(dir)); err == nil {
			t.Fatalf("%s: a folder is left", name)
		}
	}
	_, r, err := CreateRetraining(dir, ownConfig(t), ownArchs, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	var exists *ExistsError
	if _, _, err := CreateRetraining(dir, ownConfig(t), ownArchs, Options{}); !errors.As(err, &exists) {
		t.Errorf("a second retraining: %v", err)
	}
	var none *NoRetrainingError
	if _, err := OpenRetraining(filepath.Dir(dir)); !errors.As(err, &none) {
		t.Errorf("a folder without a retraining: %v", err)
	}
}

// Each space has a recipe, and each recipe is a valid configuration that trains all weights of one network.
func TestRecipes(t *testing.T) {
	for _, s := range supernet.Spaces() {
		r := RecipeOf(s.Name())
		c := Default()
		c.Supernet.Space = s.Name()
		r.Apply(&c)
		c.Train.Path = "ARCH"
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %s: %v", s.Name(), r.Name, err)
		}
		if c.Recipe != r.Name || c.Train.Train != supernet.All || c.Train.Sampling != train.Fixed || c.Supernet.BN != supernet.Standard || c.Train.BNMomentum == 0 {
			t.Errorf("%s: %+v", r.Name, c.Train)
		}
	}
	for name, want := range map[string]struct {
		epochs, batch  int
		lr, bn, weight float64
	}{
		"nas-bench-201": {200, 256, 0.1, 5e-4, 5e-4}, "nas-bench-201-12": {12, 256, 0.1, 5e-4, 5e-4}, "nas-bench-101": {108, 256, 0.2, 1e-4, 1e-4},
		"nas-bench-macro": {50, 256, 0.1, 5e-4, 5e-4}, "darts": {600, 96, 0.025, 3e-4, 3e-4}, "bn-nas": {240, 1024, 0.5, 0, 4e-5},
	} {
		r, err := LookupRecipe(name)
		if err != nil {
			t.Fatal(err)
		}
		c := Default()
		r.Apply(&c)
		if got := c.Train; got.Epochs != want.epochs || got.Batch != want.batch || got.LR != want.lr || got.WeightDecay != want.bn || got.WeightDecayWeights != want.weight {
			t.Errorf("%s: %+v", name, got)
		}
		if aux := map[bool]float64{true: 0.4}[name == "darts"]; c.Train.AuxWeight != aux {
			t.Errorf("%s: auxiliary weight %v, want %v", name, c.Train.AuxWeight, aux)
		}
		if drop := map[bool]float64{true: 0.2}[name == "darts"]; c.Train.DropPath != drop {
			t.Errorf("%s: drop-path %v, want %v", name, c.Train.DropPath, drop)
		}
	}
	c := Default()
	RecipeOf("nas-bench-101").Apply(&c)
	if got := c.Train; got.Optimizer != train.RMSProp || got.Momentum != 0.9 || got.Beta2 != 0.9 || got.Eps != 1 || got.MinLR != 0 || got.Schedule != train.Cosine || got.BNMomentum != 0.003 {
		t.Errorf("nas-bench-101: %+v", got)
	}
	if len(Recipes()) != 6 {
		t.Errorf("recipes %v", Recipes())
	}
}

// A result is believed only if it is that of the network whose place it has.
func TestResultsOfOtherNetworks(t *testing.T) {
	s := &Retraining{Dir: t.TempDir(), Archs: ownArchs}
	path := filepath.Join(s.Folder(2), RetrainedName)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	own := `"arch":"` + ownArchs[1] + `"`
	for text, want := range map[string]string{
		`{` + own + `,"test":{"accuracy":0.5,"best_accuracy":1}}`: "",
		`{` + own + `}`:                        "",
		`{"arch":"` + ownArchs[0] + `"}`:       "it is of ",
		`null`:                                 "it names no architecture",
		`{"arch`:                               "unexpected end",
		``:                                     "unexpected end",
		`{` + own + `,"test":{"accuracy":50}}`: "an accuracy of 50",
		`{` + own + `,"test":{"accuracy":0.5,"best_accuracy":-1}}`:       "an accuracy of -1",
		`{` + own + `,"validation":{"accuracy":1.5,"nll":0,"images":1}}`: "an accuracy of 1.5",
	} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := s.Result(2)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), want) || strings.HasSuffix(err.Error(), "from its checkpoint") == strings.Contains(text, ownArchs[0]) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The list of architectures may have the ends of lines of Windows, and blank lines. One without architectures is an error.
func TestListOfRetraining(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "1"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := writeConfig(filepath.Join(dir, "1"), ownConfig(t)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]string{
		strings.Join(ownArchs, "\n") + "\n":           ownArchs,
		strings.Join(ownArchs, "\r\n\r\n") + "\r\n\n": ownArchs,
		"":       nil,
		"\r\n\n": nil,
	} {
		if err := os.WriteFile(filepath.Join(dir, ArchsName), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := OpenRetraining(dir)
		if want == nil && (err == nil || !strings.HasSuffix(err.Error(), ArchsName+": no architectures")) || want != nil && (err != nil || !slices.Equal(s.Archs, want)) {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
}
