package inventory

import (
	"os"
	"path/filepath"
	"testing"

	"bnas.example/internal/sampleruns"
	"bnas.example/run"
)

// Runs behind links, and a folder of runs that is one, are looked at as others are.
func TestLinksToRuns(t *testing.T) {
	dir := t.TempDir()
	runs, fair := filepath.Join(dir, "runs"), filepath.Join(dir, "elsewhere", "fair")
	if err := os.Mkdir(runs, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Dir(fair), 0o777); err != nil {
		t.Fatal(err)
	}
	sampleruns.Done(t, fair)
	toFair, toRuns := filepath.Join(runs, "fair"), filepath.Join(dir, "link")
	for link, to := range map[string]string{toFair: fair, toRuns: runs} {
		if err := os.Symlink(to, link); err != nil {
			t.Skip("no links: ", err)
		}
	}
	direct, linked := Read(fair), Read(toFair)
	if direct.Bytes == 0 || linked.Bytes != direct.Bytes || !linked.Changed.Equal(direct.Changed) {
		t.Errorf("a linked run has %d bytes, changed %v, and the run %d, %v", linked.Bytes, linked.Changed, direct.Bytes, direct.Changed)
	}
	unlock, err := run.HoldFolder(fair)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	for of, want := range map[string]string{runs: toFair, toRuns: filepath.Join(toRuns, "fair"), toFair: toFair} {
		if got, err := Working(of); err != nil || len(got) != 1 || got[0].Dir != want || !got[0].Changed.Equal(Read(fair).Changed) {
			t.Errorf("%s: %+v (%v), want %s", of, got, err, want)
		}
	}
}
