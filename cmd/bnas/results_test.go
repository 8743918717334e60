package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestResultsTables compares the tables of docs/results.md with the figures kept beside it, and sees a figure that was changed.
func TestResultsTables(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"scripts", "docs"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join("..", "..", name))); err != nil {
			t.Fatal(err)
		}
	}
	check := func() ([]byte, error) {
		return exec.Command("python3", filepath.Join(dir, "scripts", "results_table.py"), "check").CombinedOutput()
	}
	if out, err := check(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	page := filepath.Join(dir, "docs", "results.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(text, []byte("| `composite bnas` | +0."), []byte("| `composite bnas` | +1."), 1)
	if err := os.WriteFile(page, changed, 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := check(); err == nil || !bytes.Contains(out, []byte("docs/results.md:")) {
		t.Errorf("a changed figure: %v: %s", err, out)
	}
}
