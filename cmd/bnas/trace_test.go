package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"bnas.example/kernels/cpu"
)

// TestTraceDevice: without --device a trace is the reference's; --device names another.
func TestTraceDevice(t *testing.T) {
	dir := t.TempDir()
	writeBatch(t, dir)
	traced := func(flags ...string) []byte {
		t.Helper()
		file := filepath.Join(dir, "trace")
		args := []string{"bnas", "trace", "01020012", "--space", "nas-bench-macro", "--height", "8", "--width", "8", "--channels", "4", "--quiet",
			"--images", filepath.Join(dir, "x.npy"), "--labels", filepath.Join(dir, "y.npy"), "-o", file}
		var stderr bytes.Buffer
		if code := execute(append(args, flags...), &bytes.Buffer{}, &stderr); code != exitOK {
			t.Fatalf("exit code %d: %s", code, &stderr)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	exact := traced()
	if !bytes.Equal(exact, traced("--device", "reference")) {
		t.Error("the default is not the reference")
	}
	if _, ok := cpu.Available(); ok && bytes.Equal(exact, traced("--device", "cpu")) {
		t.Error("--device cpu did not trace the engine")
	}
	if len(traced("--active")) <= len(exact) {
		t.Error("--active wrote nothing more")
	}
}
