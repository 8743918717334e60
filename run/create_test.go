package run

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"bnas.example/train"
)

// TestAFailedStartLeavesNothing: if training or the search after it cannot start, no folder is made.
func TestAFailedStartLeavesNothing(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"augmentation larger than the images": func(c *Config) { c.Data.Augment.PadCrop = 99 },
		"warm-up longer than the run":         func(c *Config) { c.Train.Steps, c.Train.Epochs, c.Train.Warmup = 0, 1, 1<<20 },
		"a batch larger than the data":        func(c *Config) { c.Train.Batch = 1 << 16 },
		"too few images for the search":       func(c *Config) { c.Train.RankEvery, c.Score.Images = 0, 1<<16 },
		"too few images for the ranking":      func(c *Config) { c.Score.Images = 1 << 16 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := tiny()
			change(&cfg)
			top := filepath.Join(t.TempDir(), "new")
			r, err := Create(filepath.Join(top, "run"), cfg, Options{Search: true})
			if err == nil {
				r.Close()
				t.Fatal("the run was made")
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("several lines: %v", err)
			}
			if _, err := os.Stat(top); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is left: %v", top, err)
			}
		})
	}
}

// TestTwoStartsAtOnce: of several runs that start in one folder, one wins, and the folder has its configuration.
func TestTwoStartsAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	const starts = 4
	var runs [starts]*Run
	var errs [starts]error
	var wait sync.WaitGroup
	for i := range starts {
		wait.Go(func() {
			cfg := tiny()
			cfg.Train.Steps = 100 + i
			runs[i], errs[i] = Create(dir, cfg, Options{})
		})
	}
	wait.Wait()
	won := -1
	for i, r := range runs {
		var exists *ExistsError
		var locked *LockedError
		switch {
		case r != nil && won >= 0:
			t.Error("two runs in one folder")
		case r != nil:
			won = i
		case !errors.As(errs[i], &exists) && !errors.As(errs[i], &locked):
			t.Errorf("start %d: %v", i, errs[i])
		}
	}
	if won < 0 {
		t.Fatal("no run started")
	}
	defer runs[won].Close()
	cfg, err := ReadConfig(dir)
	if err != nil || cfg.Train.Steps != 100+won {
		t.Errorf("the folder has the configuration of start %d, %v; start %d won", cfg.Train.Steps-100, err, won)
	}
}

// TestBothCheckpointsGone: a run without its checkpoints is not started anew over its metrics.
func TestBothCheckpointsGone(t *testing.T) {
	cfg := tiny()
	cfg.Train.RankEvery = 0
	r := create(t, cfg)
	if _, err := r.Train(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	r.Close()
	metrics := filepath.Join(r.Dir, train.MetricsName)
	before, err := os.ReadFile(metrics)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{train.CheckpointName, train.PredecessorName} {
		if err := os.Remove(filepath.Join(r.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	again := reopen(t, r.Dir, Resume)
	if _, err := again.Train(t.Context(), nil); err == nil || !strings.Contains(err.Error(), train.CheckpointName) {
		t.Errorf("error %v", err)
	}
	if after, err := os.ReadFile(metrics); err != nil || string(after) != string(before) {
		t.Errorf("the metrics changed (%v)", err)
	}
}

// TestExtend: a finished run goes on with more steps, and keeps their number. It refuses fewer.
func TestExtend(t *testing.T) {
	cfg := tiny()
	cfg.Train.EarlyBird, cfg.Train.Settled, cfg.Train.Patience = true, -0.99, 1 // settles at the first chance
	r := create(t, cfg)
	got, err := r.Train(t.Context(), nil)
	if err != nil || !got.Settled {
		t.Fatalf("%+v, %v", got, err)
	}
	r.Close()
	train := func(steps int) (TrainResult, error) {
		cfg, err := ReadConfig(r.Dir)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Train.Steps = steps
		again, err := Resume(r.Dir, cfg, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		return again.Train(t.Context(), nil)
	}
	longer, err := train(12)
	if err != nil || longer.Step <= got.Step || longer.Total != 12 {
		t.Errorf("extended: %+v, %v", longer, err)
	}
	if cfg, err := ReadConfig(r.Dir); err != nil || cfg.Train.Steps != 12 {
		t.Errorf("the folder says %d steps, %v", cfg.Train.Steps, err)
	}
	if _, err := train(3); err == nil || !strings.Contains(err.Error(), "has 12 steps, 3 are asked for") {
		t.Errorf("fewer steps: error %v", err)
	}
	if cfg, err := ReadConfig(r.Dir); err != nil || cfg.Train.Steps != 12 {
		t.Errorf("after a refusal the folder says %d steps, %v", cfg.Train.Steps, err)
	}
}

// TestSmallDataSet: defaults are lowered to fit; a value that was asked for is an error instead.
func TestSmallDataSet(t *testing.T) {
	small := func() Config {
		c := Default()
		c.Supernet.Channels, c.Supernet.Cells, c.Supernet.Height, c.Supernet.Width = 4, 1, 8, 8
		c.Data.Name, c.Data.Dir = "folder", tinyFolder(t, 2, 20)
		c.Train.Steps = 2
		return c
	}
	any := func(string) bool { return true }
	r, err := Create(filepath.Join(t.TempDir(), "run"), small(), Options{Search: true, Lower: any})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Images.Len() != 32 || len(r.Training)+len(r.HeldOut) != 32 || len(r.HeldOut) == 0 || r.Config.Train.Batch > len(r.Training) {
		t.Errorf("%d images train, %d are held out, batch %d", len(r.Training), len(r.HeldOut), r.Config.Train.Batch)
	}
	if need := r.Config.Score.ImagesNeeded(); need > max(len(r.Training), len(r.HeldOut)) {
		t.Errorf("scoring needs %d images", need)
	}
	_, err = Create(filepath.Join(t.TempDir(), "run"), small(), Options{Lower: func(name string) bool { return name != "train.batch" }})
	if got := WrongSettings(err); len(got) != 1 || got[0].Setting != "train.batch" {
		t.Errorf("a batch that was asked for: error %v", err)
	}
}

// TestOneValueIsAWarning: batch statistics over one value are said when a run starts, and only then.
func TestOneValueIsAWarning(t *testing.T) {
	for _, c := range []struct {
		size, batch, shards int
		warns               bool
	}{{4, 1, 0, true}, {4, 2, 2, true}, {4, 2, 0, false}, {8, 1, 0, false}} {
		cfg := tiny()
		cfg.Supernet.Height, cfg.Supernet.Width, cfg.Data.Augment.PadCrop = c.size, c.size, 0
		cfg.Train.Batch, cfg.Train.Shards = c.batch, c.shards
		var log strings.Builder
		r, err := Create(filepath.Join(t.TempDir(), "run"), cfg, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		if got := strings.Contains(log.String(), "level=WARN") && strings.Contains(log.String(), "one value a channel"); got != c.warns {
			t.Errorf("%+v: %s", c, &log)
		}
	}
}
