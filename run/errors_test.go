package run

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWrongSettings(t *testing.T) {
	for _, c := range []struct {
		setting string
		change  func(*Config)
	}{
		{"threads", func(c *Config) { c.Threads = -1 }},
		{"numerics", func(c *Config) { c.Numerics = "exact" }},
		{"precision", func(c *Config) { c.Precision = "fp8" }},
		{"gpu", func(c *Config) { c.GPU = -5 }},
		{"device", func(c *Config) { c.Device = "tpu" }},
		{"data.holdout", func(c *Config) { c.Data.Holdout = -1 }},
		{"data.name", func(c *Config) { c.Data.Name = "unknown" }},
		{"data.dir", func(c *Config) { c.Data.Name = "cifar10" }},
		{"data.holdout", func(c *Config) { c.Data.Holdout = 1 << 20 }},
		{"supernet.classes", func(c *Config) { c.Supernet.Classes = 3 }},
		{"objective.calibration", func(c *Config) { c.Objective.Calibration = 1 }},
	} {
		cfg := tiny()
		c.change(&cfg)
		_, err := Untrained(cfg, Options{})
		if got := WrongSettings(err); len(got) != 1 || got[0].Setting != c.setting {
			t.Errorf("%s: error %v", c.setting, err)
		}
	}
}

// TestWrongFile: the error of a configuration file with several wrong values is one line.
func TestWrongFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(path, []byte("train:\n  steps: many\n  unknown: 3\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(path)
	if err == nil {
		err = f.Apply(new(Config))
	}
	var wrong *FileError
	if !errors.As(err, &wrong) {
		t.Fatalf("error %v", err)
	}
	for _, part := range []string{"configuration " + path + ": line 2: ", "; line 3: ", "train.unknown"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("no %q in %q", part, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("several lines: %q", err)
	}
}

func TestDevicesAreKnown(t *testing.T) {
	for _, name := range Devices() {
		cfg := tiny()
		cfg.Device = name
		dev, err := OpenDevice(cfg, Options{})
		if WrongSettings(err) != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			dev.Close()
		}
	}
}

// TestFolders: a folder with a run is not overwritten. A folder without a run is not opened.
func TestFolders(t *testing.T) {
	r := create(t, tiny())
	_, err := Create(r.Dir, tiny(), Options{})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Dir != r.Dir {
		t.Errorf("a second run in the folder at once: error %v", err)
	}
	r.Close()
	_, err = Create(r.Dir, tiny(), Options{})
	var exists *ExistsError
	if !errors.As(err, &exists) || exists.Dir != r.Dir {
		t.Errorf("a second run in the folder: error %v", err)
	}
	if err := os.WriteFile(filepath.Join(r.Dir, ConfigName), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = ReadConfig(r.Dir)
	var file *FileError
	if !errors.As(err, &file) {
		t.Errorf("an empty configuration of a run: error %v", err)
	}
	_, err = ReadConfig(t.TempDir())
	var none *NoRunError
	if !errors.As(err, &none) {
		t.Errorf("a folder without a run: error %v", err)
	}
	several := t.TempDir()
	if err := os.WriteFile(filepath.Join(several, ResultName), []byte(`{"runs": ["a", "b"]}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err = ReadConfig(several); !errors.As(err, &none) || !slices.Equal(none.Runs, []string{"a", "b"}) {
		t.Errorf("the result of two runs: error %v", err)
	}
}

func TestTooFewImages(t *testing.T) {
	cfg := tiny()
	cfg.Score.Images = 1 << 16
	r, err := Untrained(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var few *ImagesError
	if _, err := r.Scorer(); !errors.As(err, &few) || few.Need < 1<<16 || few.Have >= few.Need {
		t.Errorf("error %v", err)
	}
}

func TestListed(t *testing.T) {
	for want, names := range map[string][]string{"": nil, "a": {"a"}, "a and b": {"a", "b"}, "a, b and c": {"a", "b", "c"}} {
		if got := listed(names); got != want {
			t.Errorf("listed(%q) = %q, want %q", names, got, want)
		}
	}
}
