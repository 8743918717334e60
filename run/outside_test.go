package run_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOutsideProgram builds and runs a program of another module, examples/library. It works in a copy, so that the
// requirements that Go adds to its go.mod are not kept.
func TestOutsideProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles a program")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, file := range []string{"examples/library/main.go", "examples/library/go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.Replace(string(text), "=> ../..", "=> "+root, 1))
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	run := exec.Command("go", "run", "-mod=mod", ".", filepath.Join(root, "run", "testdata", "old-run"))
	run.Dir = dir
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if lines := strings.Count(string(out), "\n"); lines != 9 || !strings.Contains(string(out), "Kendall τ-b") {
		t.Errorf("want 8 scored architectures and their agreement with MACs, got\n%s", out)
	}
}
