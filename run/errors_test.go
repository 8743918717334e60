package run

import (
	"errors"
	"testing"
)

func TestWrongSettings(t *testing.T) {
	for _, c := range []struct {
		setting string
		change  func(*Config)
	}{
		{"threads", func(c *Config) { c.Threads = -1 }},
		{"precision", func(c *Config) { c.Precision = "fp8" }},
		{"device", func(c *Config) { c.Device = "tpu" }},
		{"data.holdout", func(c *Config) { c.Data.Holdout = -1 }},
		{"data.holdout", func(c *Config) { c.Data.Holdout = 1 << 20 }},
		{"supernet.classes", func(c *Config) { c.Supernet.Classes = 3 }},
		{"objective.calibration", func(c *Config) { c.Objective.Calibration = 1 }},
	} {
		cfg := tiny()
		c.change(&cfg)
		_, err := Untrained(cfg, Options{})
		var wrong *SettingError
		if !errors.As(err, &wrong) || wrong.Setting != c.setting {
			t.Errorf("%s: error %v", c.setting, err)
		}
	}
}

func TestDevicesAreKnown(t *testing.T) {
	for _, name := range Devices() {
		cfg := tiny()
		cfg.Device = name
		dev, err := OpenDevice(cfg, Options{})
		var wrong *SettingError
		if errors.As(err, &wrong) {
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
	var exists *ExistsError
	if !errors.As(err, &exists) || exists.Dir != r.Dir {
		t.Errorf("a second run in the folder: error %v", err)
	}
	_, err = ReadConfig(t.TempDir())
	var none *NoRunError
	if !errors.As(err, &none) {
		t.Errorf("a folder without a run: error %v", err)
	}
}

func TestTooFewImages(t *testing.T) {
	cfg := tiny()
	cfg.Score.Images = 1 << 20
	r, err := Untrained(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var few *ImagesError
	if _, err := r.Scorer(); !errors.As(err, &few) || few.Need < 1<<20 || few.Have >= few.Need {
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
