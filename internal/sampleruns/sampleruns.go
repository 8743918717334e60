// Package sampleruns makes folders of runs for the tests of the packages beside run.
package sampleruns

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bnas.example/run"
)

// New makes a folder with two runs: fair, which is done, and broken, which cannot be read.
func New(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	Done(t, filepath.Join(dir, "fair"))
	Write(t, filepath.Join(dir, "broken", run.ConfigName), "nonsense: 7\n")
	return dir
}

// Done makes a run that has been trained and searched.
func Done(t testing.TB, path string) {
	t.Helper()
	if err := os.CopyFS(path, os.DirFS("../run/testdata/old-run")); err != nil {
		t.Fatal(err)
	}
}

// Retrained makes a folder of networks that are retrained. results are the files of those whose training has ended, in order.
func Retrained(t testing.TB, path string, archs []string, results ...string) {
	t.Helper()
	Write(t, filepath.Join(path, run.ArchsName), strings.Join(archs, "\n")+"\n")
	for i, result := range results {
		network := filepath.Join(path, fmt.Sprint(i+1))
		Write(t, filepath.Join(network, run.ConfigName), "seed: 1\n")
		Write(t, filepath.Join(network, run.RetrainedName), result)
	}
}

// Write writes a file, and makes the folders above it.
func Write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
