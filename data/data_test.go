package data

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// synthetic is a set of n colour images of noise with labels 0, 1, 2, 0, …
func synthetic(n, height, width int) *memory {
	m := &memory{
		name: "synthetic", classes: []string{"a", "b", "c"}, height: height, width: width, stored: 3, channels: 3,
		mean: []float64{100, 110, 120}, std: []float64{50, 60, 70}, hash: "synthetic",
	}
	state := uint32(1)
	for i := range n {
		m.labels = append(m.labels, byte(i%3))
		for range 3 * height * width {
			state = state*1664525 + 1013904223
			m.pixels = append(m.pixels, byte(state>>24))
		}
	}
	return m
}

// wantError checks that err is an error whose text has all the given parts.
func wantError(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; one that says %q is needed", says)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("the error %q does not say %q", err, s)
		}
	}
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s Set, i int) []byte {
	t.Helper()
	h, w := s.Size()
	b := make([]byte, s.Channels()*h*w)
	for k := range b {
		b[k] = 0xa5 // shows the bytes that Read does not write
	}
	if err := s.Read(b, i); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	writeFile(t, file, nil)
	for _, c := range []struct {
		options Options
		says    []string
	}{
		{Options{}, []string{`unknown data set ""`, "fashion, cifar10"}},
		{Options{Name: "mnist"}, []string{`unknown data set "mnist"`}},
		{Options{Name: "fashion", Split: "val"}, []string{`unknown split "val"`}},
		{Options{Name: "fashion", Height: -1}, []string{"-1×-1"}},
		{Options{Name: "fashion", Height: 32, Width: 5000}, []string{"32×5000", "4096"}},
		{Options{Name: "fashion", Dir: dir}, []string{"built in"}},
		{Options{Name: "fashion", Channels: 2}, []string{"images of 2 channels", "1 (grey) and 3 (colour)"}},
		{Options{Name: "fashion", Normal: Normal{Mean: []float64{1}, Std: []float64{2}}}, []string{"mean [1] and std [2]", "have three channels; give three numbers of each"}},
		{Options{Name: "cifar10"}, []string{"cifar10 needs the folder"}},
		{Options{Name: "cifar10", Dir: filepath.Join(dir, "absent")}, []string{"absent", "no such file"}},
		{Options{Name: "idx", Dir: file}, []string{file, "is a file"}},
	} {
		_, err := Open(c.options)
		wantError(t, err, c.says...)
	}
}

func TestReadRefuses(t *testing.T) {
	for _, s := range []Set{synthetic(2, 4, 4), resize(synthetic(2, 4, 4), 8, 8), pad(synthetic(2, 4, 4), 6, 6)} {
		h, w := s.Size()
		wantError(t, s.Read(make([]byte, 3*h*w), 2), "no image 2: it holds 2")
		wantError(t, s.Read(make([]byte, 3*h*w), -1), "no image -1")
		wantError(t, s.Read(make([]byte, 3*h*w-1), 0), "bytes for an image of 3×")
	}
}

func TestMeasure(t *testing.T) {
	m := &memory{name: "two", height: 1, width: 2, stored: 3, channels: 3, labels: []byte{0, 0}, pixels: []byte{
		10, 20, 5, 5, 0, 255,
		30, 40, 5, 5, 255, 0,
	}}
	mean, std, err := measure(m, 10)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float64{25, 5, 127.5}; !slices.Equal(mean, want) {
		t.Errorf("mean %v, want %v", mean, want)
	}
	// √(((15² + 5²)·2)/4) = √125; the second channel is constant
	if want := []float64{11.180339887498949, 1, 127.5}; !slices.Equal(std, want) {
		t.Errorf("std %v, want %v", std, want)
	}
	if mean, _, err = measure(m, 1); err != nil || mean[0] != 15 {
		t.Errorf("the first image alone: mean %v, error %v", mean, err)
	}
}
