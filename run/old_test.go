package run

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bnas.example/indicator"
	"bnas.example/kernels/cpu"
	"bnas.example/search"
)

// oldRun copies a run folder of an earlier version of the program, made with the settings
//
//	--channels 4 --cells 1 --steps 6 --batch 8 --rank-every 3 --metrics-every 2 --images 16 --ntk-images 4
//	--calibration 3 --max-evaluations 4
//
// on the CPU engine.
func oldRun(t *testing.T) string {
	t.Helper()
	if _, ok := cpu.Available(); !ok {
		t.Skip("built without cgo: the old run's ledger is of the CPU engine")
	}
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(dir, os.DirFS("testdata/old-run")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestOldRun: an old run folder can be opened and has the same key with all terms. The same search, of the composite's terms, takes every score from its ledger and
// has the same result.
func TestOldRun(t *testing.T) {
	dir := oldRun(t)
	for _, threads := range []int{1, 3} {
		cfg, err := ReadConfig(dir)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Device, cfg.Threads = "cpu", threads
		r, err := Open(dir, cfg, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Position.Step != 6 || r.Position.Total != 6 {
			t.Errorf("position %+v, want step 6 of 6", r.Position)
		}
		var want search.Key
		readJSON(t, filepath.Join(dir, "scores.json"), &want)
		r.Config.Score.Terms = []string{indicator.AllTerms} // the old program computed all
		key, err := r.Key()
		r.Config.Score.Terms = nil
		delete(key, "definitions")
		delete(key, "arithmetic") // the old program did not write them, the new one adds them
		delete(want, "arithmetic")
		if err != nil || !maps.Equal(key, want) {
			t.Errorf("%d threads: key %v, %v, want %v", threads, key, err, want)
		}
		searchOld(t, r)
		r.Close()
	}
}

func searchOld(t *testing.T, r *Run) {
	t.Helper()
	before, err := os.ReadFile(filepath.Join(r.Dir, "scores.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if header, _, _ := strings.Cut(string(before), "\n"); header+","+indicator.CheckColumn != strings.Join(indicator.ScoreColumns(1), ",") {
		t.Log("the terms of this program are not those of the old one: its ledger cannot be continued")
		return
	}
	found, err := r.Search(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if found.Reused != found.Evaluations || found.Evaluations != 4 {
		t.Errorf("%d of %d scores are from the ledger, want 4 of 4", found.Reused, found.Evaluations)
	}
	after, err := os.ReadFile(filepath.Join(r.Dir, "scores.csv"))
	if err != nil || string(after) != string(before) {
		t.Errorf("the ledger changed (%v)", err)
	}
	type ranked struct {
		Best []struct {
			Arch  string
			Score float64
			MACs  int64
		}
	}
	var got, want ranked
	readJSON(t, filepath.Join(r.Dir, ResultName), &got)
	readJSON(t, filepath.Join("testdata/old-run", ResultName), &want)
	if len(want.Best) != 4 || !slices.Equal(got.Best, want.Best) {
		t.Errorf("best %v, want %v", got.Best, want.Best)
	}
}

// TestOldRunGoesOn: training continues from the old checkpoint. No step is left here.
func TestOldRunGoesOn(t *testing.T) {
	r := reopen(t, oldRun(t), Resume)
	old := arrays(checkpoint(t, r))
	got, err := r.Train(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Step != 6 || got.Last.Step != 0 {
		t.Errorf("trained to step %d, the last of this call %d", got.Step, got.Last.Step)
	}
	if arrays(checkpoint(t, r)) != old {
		t.Error("the parameters of the checkpoint changed")
	}
}

// arrays returns the part of a checkpoint behind its header, without the hash.
func arrays(checkpoint string) string {
	header := binary.LittleEndian.Uint32([]byte(checkpoint[12:]))
	return checkpoint[24+header : len(checkpoint)-32]
}
