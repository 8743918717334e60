package run

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"bnas.example/indicator"
	"bnas.example/kernels/cpu"
	"bnas.example/search"
	"bnas.example/supernet"
	"bnas.example/train"
)

// final is a tiny configuration with two finalists of a few steps.
func final() Config {
	c := tiny()
	c.Train.RankEvery = 0
	c.Objective.Composite = "params"
	c.Data.Holdout = 7400
	c.Finalists = Finalists{Number: 2, Epochs: 2}
	return c
}

// trained trains a new supernet of cfg.
func trained(t *testing.T, cfg Config) *Run {
	t.Helper()
	r := create(t, cfg)
	if _, err := r.Train(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return r
}

// timeless returns a result without what is measured.
func timeless(t *testing.T, r *search.Result) string {
	t.Helper()
	c := *r
	c.Seconds, c.Reused, c.Finalists = 0, 0, slices.Clone(c.Finalists)
	for i := range c.Finalists {
		c.Finalists[i].Seconds = 0
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A search that is interrupted within finalists and between them ends with the result of an uninterrupted one, and its networks
// have the same checkpoints.
func TestFinalistsResume(t *testing.T) {
	whole, cut := trained(t, final()), trained(t, final())
	want, err := whole.Search(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Finalists) != 2 {
		t.Fatalf("%d finalists", len(want.Finalists))
	}
	var got *Found
	interruptions := 0
	for got == nil {
		ctx, cancel := context.WithCancel(t.Context())
		got, err = cut.Search(ctx, "", func(p Progress) {
			if p.Phase == Finals && (p.Step != nil || p.Finalist == 2 && interruptions == 4) {
				cancel() // after each step, and once before the first of the second
			}
		})
		cancel()
		if err != nil && !errors.Is(err, search.ErrInterrupted) {
			t.Fatal(err)
		}
		if got == nil && !strings.Contains(err.Error(), " while training finalist ") {
			t.Fatalf("interrupted: %v", err)
		}
		if interruptions++; interruptions > 20 {
			t.Fatal("the search does not go on")
		}
	}
	if interruptions < 6 {
		t.Errorf("only %d interruptions", interruptions)
	}
	if a, b := timeless(t, want.Result), timeless(t, got.Result); a != b {
		t.Errorf("results\n%s\n%s", a, b)
	}
	for _, f := range want.Finalists {
		a, errA := os.ReadFile(filepath.Join(whole.Dir, f.Folder, train.CheckpointName))
		b, errB := os.ReadFile(filepath.Join(cut.Dir, f.Folder, train.CheckpointName))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: the checkpoints differ (%v, %v)", f.Folder, errA, errB)
		}
	}
}

// A finalist is trained as a network is retrained, on the images of the supernet, and is measured on those that both hold out.
func TestFinalistIsRetrained(t *testing.T) {
	cfg := final()
	cfg.Seed = 3
	cfg.Spread()
	r := trained(t, cfg)
	found, err := r.Search(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	f := found.Finalists[1]
	one := reopen(t, filepath.Join(r.Dir, f.Folder), Open)
	if !slices.Equal(one.HeldOut, r.HeldOut) || !slices.Equal(one.Training, r.Training) {
		t.Error("the finalist has another division of the images")
	}
	want := Alone(cfg)
	RecipeOf("nas-bench-201").Apply(&want)
	got := one.Config
	if got.Recipe != "nas-bench-201" || got.Train.Train != supernet.All || got.Supernet.BN != supernet.Standard || got.Train.LR != want.Train.LR ||
		got.Train.Epochs != 2 || got.Train.TestEvery != 0 || got.Train.Path != f.Arch || got.Seed != 3 || got.Supernet.Seed != 3 {
		t.Errorf("configuration %+v", got)
	}
	own, err := one.Own()
	if err != nil {
		t.Fatal(err)
	}
	calibration, err := one.CalibrationImages(1024)
	if err != nil {
		t.Fatal(err)
	}
	heldOut, err := r.HeldOutImages(0)
	if err != nil {
		t.Fatal(err)
	}
	accuracy, err := train.OneShot(one.Net, one.Device, one.Store, own, calibration, heldOut)
	if err != nil || accuracy.Top1 != f.Accuracy || accuracy.NLL != f.NLL || f.Images != 7400 {
		t.Errorf("finalist %+v, measured again %+v (%v)", f, accuracy, err)
	}
	if f.Epochs != 2 || f.Seconds <= 0 || found.Best[f.Place].Scores.Arch != f.Arch || found.Best[f.Place].Score != f.Score {
		t.Errorf("finalist %+v", f)
	}
}

// Another search takes the finalists that are trained already, and its folder has the table of the last search alone.
func TestFinalistsOfAnotherSearch(t *testing.T) {
	r := trained(t, final())
	table := filepath.Join(r.Dir, FinalistsName)
	first, err := r.Search(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := readTable(t, table)
	if len(rows) != 3 || rows[0][0] != "rank" || rows[1][0] != "1" || rows[2][0] != "2" || rows[2][1] != first.Finalists[1].Arch || rows[2][3] != exact(first.Finalists[1].Accuracy) {
		t.Errorf("table %q", rows)
	}
	again := func(number, epochs int) (found *Found, steps int) {
		t.Helper()
		r.Config.Finalists = Finalists{number, epochs}
		found, err := r.Search(t.Context(), "", func(p Progress) {
			if p.Step != nil {
				steps++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return found, steps
	}
	found, steps := again(1, 2)
	if steps != 0 || len(found.Finalists) != 1 || found.Finalists[0] != first.Finalists[0] || len(readTable(t, table)) != 2 {
		t.Errorf("the same settings: %d steps, %+v", steps, found.Finalists)
	}
	if found, steps = again(1, 1); steps == 0 || found.Finalists[0].Folder == first.Finalists[0].Folder {
		t.Errorf("other epochs: %d steps, %+v", steps, found.Finalists)
	}
	spoiled := found.Finalists[0].Folder
	metrics := filepath.Join(r.Dir, spoiled, train.MetricsName)
	if err := os.Remove(metrics); err != nil {
		t.Fatal(err)
	}
	remedy := "; remove the folder " + filepath.Join(r.Dir, spoiled) + ", and the network is trained anew"
	if _, err := r.Search(t.Context(), "", nil); err == nil || !strings.Contains(err.Error(), metrics) || !strings.HasSuffix(err.Error(), remedy) {
		t.Errorf("a finalist without metrics: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(r.Dir, spoiled)); err != nil {
		t.Fatal(err)
	}
	if found, steps = again(1, 1); steps == 0 || found.Finalists[0].Folder != spoiled {
		t.Errorf("without its folder: %d steps, %+v", steps, found.Finalists)
	}
	found, _ = again(0, 2)
	if _, err := os.Lstat(table); !errors.Is(err, os.ErrNotExist) || found.Finalists != nil || found.Answer != 0 {
		t.Errorf("no finalists: table %v, %+v", err, found.Finalists)
	}
}

func readTable(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// An auxiliary head that does not fit the images is left out, and a batch is not larger than the training images.
func TestFinalistsFit(t *testing.T) {
	cfg := final()
	cfg.Supernet.Space, cfg.Data.Holdout, cfg.Finalists.Epochs = "darts", 7990, 1
	r := trained(t, cfg)
	found, err := r.Search(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := ReadConfig(filepath.Join(r.Dir, found.Finalists[0].Folder))
	if err != nil || kept.Train.AuxWeight != 0 || kept.Train.Batch != 10 || kept.Train.DropPath == 0 {
		t.Errorf("training %+v (%v)", kept.Train, err)
	}
}

// Without finalists the configuration is that of older programs; with them it is read back.
func TestFinalistsInConfig(t *testing.T) {
	for _, want := range []Finalists{{0, 3}, {2, 5}} {
		cfg := Default()
		cfg.Finalists = want
		dir := t.TempDir()
		if err := writeConfig(dir, cfg); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, ConfigName))
		if err != nil || strings.Contains(string(text), "finalists") != (want.Number > 0) || strings.Contains(string(text), "_seed") {
			t.Errorf("%+v: %s (%v)", want, text, err)
		}
		if got, err := ReadConfig(dir); err != nil || got.Finalists != want {
			t.Errorf("read %+v, want %+v (%v)", got.Finalists, want, err)
		}
	}
}

func TestFinalistsErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"epochs":      {func(c *Config) { c.Finalists.Epochs = 0 }, "finalists.epochs 0: must be 1…1000000"},
		"number":      {func(c *Config) { c.Finalists.Number = -1 }, "finalists.number -1: must be 0…1000"},
		"holdout":     {func(c *Config) { c.Data.Holdout = 0 }, "finalists.number 2: they are compared on images that are held out; set data.holdout"},
		"evaluations": {func(c *Config) { c.Finalists.Number = 5 }, "finalists.number 5: the search scores at most 4 networks (search.max_evaluations)"},
	} {
		cfg := final()
		c.change(&cfg)
		if err := cfg.Validate(); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := untrained(t, final())
	dead := &search.Result{Best: []search.Found{{}, {Scores: indicator.Scores{Dead: true}}}}
	_, folder := r.Search(t.Context(), "", nil)
	network := r.finish(t.Context(), t.TempDir(), dead, nil)
	r.Net.Space = single{r.Net.Space}
	space := r.canFinish("x")
	for want, err := range map[string]error{
		"finalists.number 2: they need a folder: that of a run, or one for the scores":                folder,
		"finalists.number 2: the search found 1 live network; take fewer finalists, or search longer": network,
		"finalists.number 2: nas-bench-201 has 1 network":                                             space,
	} {
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// single is a space that says that it has one network.
type single struct{ supernet.Space }

func (single) Count() *big.Int { return big.NewInt(1) }

// Finalists train when the lanes have ended: while there are lanes, Go has a processor more than they are.
func TestFinalistsAfterTheLanes(t *testing.T) {
	if _, ok := cpu.Available(); !ok {
		t.Skip("no cpu engine in this build")
	}
	before := runtime.GOMAXPROCS(0)
	cfg := final()
	cfg.Device, cfg.Threads, cfg.Finalists = "cpu", before+1, Finalists{Number: 1, Epochs: 1}
	searched, finals := 0, 0
	if _, err := trained(t, cfg).Search(t.Context(), "", func(p Progress) {
		switch p.Phase {
		case Searching:
			searched = max(searched, runtime.GOMAXPROCS(0))
		case Finals:
			finals = max(finals, runtime.GOMAXPROCS(0))
		}
	}); err != nil {
		t.Fatal(err)
	}
	if searched != before+2 || finals != before {
		t.Errorf("%d processors in the search, %d while the finalists train, want %d and %d", searched, finals, before+2, before)
	}
}
