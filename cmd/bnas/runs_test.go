//go:build unix

package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"

	"bnas.example/run"
)

// TestRemoveSome: runs rm says which runs are gone also when it fails at the next one.
func TestRemoveSome(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		write(t, filepath.Join(dir, name, run.ConfigName), "")
	}
	unlock, err := run.HoldFolder(filepath.Join(dir, "b"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	code, stdout, stderr := inProcess("runs", "rm", "a", "b", "--runs", dir, "--yes", "--json")
	if code != exitFailure || !strings.Contains(stdout, filepath.Join(dir, "a")) || !strings.Contains(stderr, "another bnas is writing") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, _ = inProcess("runs", "rm", "b", "--runs", dir, "--yes", "--json"); code != exitFailure || stdout != "" {
		t.Errorf("nothing is gone: exit code %d: %s", code, stdout)
	}
}

// TestRemoveAsks: on a terminal, rm removes a run if its whole name is typed, and nothing otherwise. A run in use stays.
func TestRemoveAsks(t *testing.T) {
	dir := t.TempDir()
	fair := filepath.Join(dir, "fair")
	if err := os.Mkdir(fair, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(fair, run.ConfigName), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	unlock, err := run.HoldFolder(fair)
	if err != nil {
		t.Fatal(err)
	}
	code, _, stderr := inProcess("runs", "rm", "f", "--runs", dir, "--yes")
	if want := "bnas: " + fair + ": another bnas is writing into this folder; wait for it\n"; code != exitFailure || stderr != want {
		t.Errorf("in use: exit code %d: %s", code, stderr)
	}
	unlock()
	for _, c := range []struct {
		answer, want string
		left         bool
	}{{"fai", "nothing is removed", true}, {"fair", "removed", false}} {
		rm := exec.Command("bnas", "runs", "rm", "fa", "--runs", dir)
		terminal, err := pty.Start(rm)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(terminal, c.answer+"\n"); err != nil {
			t.Fatal(err)
		}
		said, _ := io.ReadAll(terminal) // it ends with an error when the program does
		_ = rm.Wait()
		terminal.Close()
		if !strings.Contains(string(said), "Type its name: ") || !strings.Contains(string(said), c.want) {
			t.Errorf("%q: %s", c.answer, said)
		}
		if _, err := os.Stat(fair); (err == nil) != c.left {
			t.Errorf("%q: %v", c.answer, err)
		}
	}
}
