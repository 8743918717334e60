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
	for i := range 3 {
		half, gpu := i == 1, i/2
		var log bytes.Buffer
		cfg := Default()
		cfg.Half, cfg.GPU = half, gpu
		dev, err := OpenDevice(cfg, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		dev.Close()
		if warned := strings.Contains(log.String(), "have no effect"); warned != (i > 0) {
			t.Errorf("half %v, GPU %d: %s", half, gpu, &log)
		}
	}
}
