//go:build unix

package data

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestPipesAreNoSets: a pipe in the place of a file is refused, and nobody waits for its writer.
func TestPipesAreNoSets(t *testing.T) {
	for name, open := range map[string]func(dir string) error{
		"train-labels-idx1-ubyte": func(dir string) error { _, err := Open(Options{Name: "idx", Dir: dir}); return err },
		"data_batch_1.bin":        func(dir string) error { _, err := Open(Options{Name: "cifar10", Dir: dir}); return err },
		"array.npy":               func(dir string) error { _, err := ReadNpy(filepath.Join(dir, "array.npy")); return err },
	} {
		dir := t.TempDir()
		if err := unix.Mkfifo(filepath.Join(dir, name), 0o666); err != nil {
			t.Fatal(err)
		}
		got := make(chan error, 1)
		go func() { got <- open(dir) }()
		select {
		case err := <-got:
			if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "not a regular file") {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(time.Minute):
			t.Errorf("%s blocks", name)
		}
	}
}
