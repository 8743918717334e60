package run

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// Settings for a GPU that no device uses are not ignored without a word.
func TestNoGPU(t *testing.T) {
	if GPUPresent() {
		t.Skip("this machine has a GPU")
	}
	for _, half := range []bool{false, true} {
		var log bytes.Buffer
		cfg := Default()
		cfg.Half = half
		dev, err := OpenDevice(cfg, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		dev.Close()
		if warned := strings.Contains(log.String(), "have no effect"); warned != half {
			t.Errorf("half %v: %s", half, &log)
		}
	}
}
