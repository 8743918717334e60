package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"bnas.example/kernels/cpu"
	"bnas.example/philox"
)

// TestTraceDevice: a trace runs on the reference device unless --device names another.
func TestTraceDevice(t *testing.T) {
	dir := t.TempDir()
	x := make([]float32, 2*3*8*8)
	philox.New(1, "images", 0).Normal(x, 1)
	writeNpy(t, filepath.Join(dir, "x.npy"), "<f4", "2, 3, 8, 8", x)
	writeNpy(t, filepath.Join(dir, "y.npy"), "<i8", "2,", []int64{1, 7})
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

// writeNpy writes an array as numpy.save does.
func writeNpy(t *testing.T, path, descr, shape string, elements any) {
	t.Helper()
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }\n", descr, shape)
	b := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	b, err := binary.Append(append(b, header...), binary.LittleEndian, elements)
	if err == nil {
		err = os.WriteFile(path, b, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}
