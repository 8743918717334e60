package run

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEmulatedGPUs: the emulator shows two GPUs, by numbers from 0. A CPU has none.
func TestEmulatedGPUs(t *testing.T) {
	cfg := Default()
	cfg.Device = "gpu-emulated"
	if n, err := GPUs(cfg, Options{}); n != 2 || err != nil {
		t.Errorf("%d GPUs, %v", n, err)
	}
	cfg.GPU = 2
	if _, err := OpenDevice(cfg, Options{}); err == nil || err.Error() != "device gpu-emulated: there is no GPU 2: the emulator shows 2, counted from 0" {
		t.Errorf("GPU 2 of two: %v", err)
	}
	cfg.Device = "cpu"
	if n, err := GPUs(cfg, Options{}); n != 0 || err == nil {
		t.Errorf("a CPU has %d GPUs", n)
	}
}

// A driver of NVIDIA is seen by its control device, on Linux under Windows by Windows' own.
func TestGPUPresent(t *testing.T) {
	for device, want := range map[string]bool{"nvidiactl": true, "dxg": true, "nvidia0": false} {
		dev := t.TempDir()
		if gpuPresent(dev) {
			t.Error("an empty folder has a GPU")
		}
		if err := os.WriteFile(filepath.Join(dev, device), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if got := gpuPresent(dev); got != want {
			t.Errorf("%s: %v, want %v", device, got, want)
		}
	}
}

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
		if warned := strings.Contains(log.String(), `msg="no GPU is used: the settings for one have no effect" why="no GPU on this machine"`); warned != (i > 0) {
			t.Errorf("half %v, GPU %d: %s", half, gpu, &log)
		}
	}
}
