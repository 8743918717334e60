//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bnas.example/philox"
)

const smallStudy = "study fairness --quick --seeds 2 --networks 10 --composite quick --batch 4 --steps 60 " + netFlags + " " + fewFlags + " --quiet --out "

// tablesOf reads the tables in the folder of a study.
func tablesOf(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	paths, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	for _, path := range paths {
		var text []byte
		text, err = os.ReadFile(path)
		all.Write(text)
	}
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d tables: %v", len(paths), err)
	}
	return all.String()
}

// TestStudyWorkers: a study by several processes has the tables of one process, also if a process of a cell is killed, or the study
// itself, which the same command goes on with.
func TestStudyWorkers(t *testing.T) {
	dir := t.TempDir()
	one := filepath.Join(dir, "one")
	if text, err := exec.Command("bnas", strings.Fields(smallStudy+one)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	want := tablesOf(t, one)
	several := filepath.Join(dir, "several")
	study := func() *exec.Cmd {
		return exec.Command("bnas", strings.Fields(smallStudy+several+" --workers 3 --threads 2")...)
	}
	first := study()
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	if killWorkers(first.Process.Pid, 1, philox.New(1, "workers of a study", 0)) == 0 {
		t.Error("no process of a cell was killed")
	}
	first.Process.Signal(syscall.SIGKILL)
	first.Wait()
	if text, err := study().CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if got := tablesOf(t, several); got != want {
		t.Errorf("other tables:\n%s\nwant\n%s", got, want)
	}
}

// TestWithout leaves flags with their values out of a command line.
func TestWithout(t *testing.T) {
	flags := studyCommand().Flags
	for _, c := range []struct{ words, want string }{
		{"study fairness --workers 2 --quick", "study fairness --quick"},
		{"--workers=2 -threads 3 fairness --out workers", "fairness --out workers"},
		{"--out --workers fairness --quiet", "--out --workers fairness"},
		{"--threads", ""},
		{"--threads 1 -- --threads 1", "-- --threads 1"},
	} {
		if got := without(strings.Fields(c.words), flags, ownOfCell); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: %q, want %s", c.words, got, c.want)
		}
	}
}
