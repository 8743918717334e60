package run

import (
	"log/slog"
	"strings"
	"testing"

	"bnas.example/kernels/cpu"
)

// TestUnknownInstructionSet: a wrong name is an error. It does not select the reference device in silence.
func TestUnknownInstructionSet(t *testing.T) {
	if _, ok := cpu.Available(); !ok {
		t.Skip("built without the engine")
	}
	t.Setenv(cpu.ISAVariable, "avx9000")
	for _, device := range []string{"auto", "cpu"} {
		cfg := tiny()
		cfg.Device = device
		dev, err := OpenDevice(cfg, Options{})
		if err == nil {
			dev.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "BNAS_CPU_ISA=avx9000") {
			t.Errorf("%s: error %v", device, err)
		}
	}
}

// TestInstructionSetIsPartOfTheKey: scores of another instruction set belong to another ledger, and a checkpoint of another one
// goes on with a warning.
func TestInstructionSetIsPartOfTheKey(t *testing.T) {
	best, ok := cpu.Available()
	if !ok || best == "portable" {
		t.Skip("this processor has one instruction set")
	}
	cfg := tiny()
	cfg.Device, cfg.Numerics, cfg.Train.RankEvery = "cpu", string(cpu.Strict), 0
	r := create(t, cfg)
	if _, err := r.Train(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	key, err := r.Key()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	t.Setenv(cpu.ISAVariable, "portable")
	kept := slog.Default()
	defer slog.SetDefault(kept)
	var log strings.Builder
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	again := reopen(t, r.Dir, Resume)
	if _, err := again.Train(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	other, err := again.Key()
	if err != nil {
		t.Fatal(err)
	}
	if key["arithmetic"] != best || other["arithmetic"] != "portable" || key["parameters"] != other["parameters"] {
		t.Errorf("keys %v and %v", key, other)
	}
	if !strings.Contains(log.String(), `"made on"="cpu, `+best+`" now="cpu, portable"`) {
		t.Errorf("the log: %s", &log)
	}
}
