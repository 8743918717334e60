package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bnas.example/kernels/cpu"
	"bnas.example/supernet"
)

func TestAutoNumerics(t *testing.T) {
	best, ok := cpu.Available()
	if !ok || best == "portable" {
		t.Skip("this processor has one instruction set")
	}
	for _, c := range []struct {
		isa      string
		numerics string
		trained  supernet.TrainSet
		want     cpu.Numerics
	}{
		{best, "auto", supernet.AllBN, cpu.Fast},
		{best, "auto", supernet.AllBNAndClassifier, cpu.Fast},
		{best, "auto", supernet.All, cpu.Strict},
		{"portable", "auto", supernet.AllBN, cpu.Strict},
		{"portable", "fast", supernet.All, cpu.Fast},
		{best, "strict", supernet.AllBN, cpu.Strict},
	} {
		t.Setenv(cpu.ISAVariable, c.isa)
		cfg := tiny()
		cfg.Device, cfg.Numerics, cfg.Train.Train = "cpu", c.numerics, c.trained
		r, err := Untrained(cfg, Options{})
		if err != nil {
			t.Fatal(err)
		}
		fast := strings.HasSuffix(r.Device.Info().Arithmetic, ", fast")
		if got := r.Config.Numerics; got != string(c.want) || fast != (c.want == cpu.Fast) {
			t.Errorf("%+v: numerics %s, arithmetic %s", c, got, r.Device.Info().Arithmetic)
		}
		r.Close()
	}
}

// TestNumericsOfAFolder: a run folder says the numerics that auto chose. One that says none is of a program that had strict alone.
func TestNumericsOfAFolder(t *testing.T) {
	cfg := tiny()
	cfg.Device = "reference"
	r := create(t, cfg)
	dir, made := r.Dir, r.Config.Numerics
	r.Close()
	path := filepath.Join(dir, ConfigName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line := "numerics: " + made + "\n"
	if made == AutoNumerics || !strings.Contains(string(text), line) {
		t.Fatalf("numerics %s, and the folder says\n%s", made, text)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), line, "", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	if old, err := ReadConfig(dir); err != nil || old.Numerics != string(cpu.Strict) {
		t.Errorf("of a folder that says none: %q, error %v", old.Numerics, err)
	}
}
