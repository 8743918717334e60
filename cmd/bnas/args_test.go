//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestIsPipe: a file into the pipe of stdout would have the result behind it. Another pipe, a device and a file take it.
func TestIsPipe(t *testing.T) {
	open := func() *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close(); w.Close() })
		return w
	}
	stdout, other := open(), open()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	at := func(f *os.File) string { return fmt.Sprintf("/dev/fd/%d", f.Fd()) }
	for _, c := range []struct {
		path string
		open *os.File
		want bool
	}{{at(stdout), stdout, true}, {at(other), stdout, false}, {os.DevNull, stdout, false}, {file.Name(), file, false}, {"absent", stdout, false}} {
		if got := isPipe(c.path, c.open); got != c.want {
			t.Errorf("%s: %t, want %t", c.path, got, c.want)
		}
	}
}
