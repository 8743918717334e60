//go:build unix

package study

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestProcessesOfCells: a cell whose processes end too early is begun again, and fails after the last try. One whose process says why it
// cannot be computed fails at once. A result of other settings is refused.
func TestProcessesOfCells(t *testing.T) {
	of := tiny(fairness)
	for _, c := range []struct {
		name, script string
		begun        int // processes, at most
		says         string
	}{
		{"end", "echo 'bnas: no room' >&2; exit 1", Tries, "study fairness: cell standard-0: its process ended 5 times before the result; the last one: no room (exit status 1)"},
		{"killed", "kill -9 $$", Tries, "the last one: signal: killed"},
		{"no result", "exit 0", Tries, "the last one: without an error"},
		{"no lines", "echo '{'; exit 3", Tries, "the last one: exit status 3"},
		{"error", `echo '{"Error":"the disk is full"}'; exit 1`, 1, "the disk is full"},
		{"other settings", `echo 'study: other' > "$CELL/settings.yaml"; echo '{"result": 1}' > "$CELL/result.json"`, 1, "cells/standard-0 was made with data_sha256 none, now it is"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, begun := t.TempDir(), 0
			o := Options{Dir: dir, Workers: &Workers{N: 1, Command: func(cell string, place, places int) *exec.Cmd {
				begun++
				process := exec.Command("sh", "-c", `mkdir -p "$CELL"; `+c.script)
				process.Env = append(process.Environ(), "CELL="+filepath.Join(dir, "cells", cell))
				return process
			}}}
			_, err := fairness.Do(t.Context(), of, o)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %s", err, c.says)
			}
			if begun != c.begun {
				t.Errorf("%d processes, want %d", begun, c.begun)
			}
		})
	}
}

// TestDoCell: the cells of a study can be computed one by one, and the study then computes nothing.
func TestDoCell(t *testing.T) {
	of := tiny(fairness)
	of.Seeds = 1
	want := contents(t, do(t, fairness, of, t.TempDir(), nil))
	dir := t.TempDir()
	for _, cell := range []string{"fair-0", "standard-0", "fair-0"} {
		if made, err := fairness.DoCell(t.Context(), of, cell, Options{Dir: dir}); err != nil || made.Finished.IsZero() {
			t.Errorf("%s: %v, %+v", cell, err, made)
		}
	}
	if all := do(t, fairness, of, dir, nil); all.Computed != 0 || contents(t, all) != want {
		t.Errorf("%d cells computed, or other tables", all.Computed)
	}
	var none *NoCellError
	if _, err := fairness.DoCell(t.Context(), of, "fair-1", Options{Dir: dir}); !errors.As(err, &none) {
		t.Errorf("a cell that is not there: %v", err)
	}
}
