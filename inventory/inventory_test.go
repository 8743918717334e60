package inventory

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bnas.example/internal/sampleruns"
	"bnas.example/run"
	"bnas.example/train"
)

// sampleRuns makes a folder of runs: one that is done, one that was interrupted, one that cannot be read, and retrained networks.
func sampleRuns(t *testing.T) string {
	t.Helper()
	dir := sampleruns.New(t)
	sampleruns.Write(t, filepath.Join(dir, "fresh", run.ConfigName), "seed: 7\n")
	sampleruns.Write(t, filepath.Join(dir, "no run", "file"), "")
	sampleruns.Retrained(t, filepath.Join(dir, "own"), []string{"a", "b", "c"},
		`{"arch":"a","params":5,"test":{"accuracy":0.5}}`, `{"arch":"b","params":6,"test":{"accuracy":0.75}}`)
	return dir
}

func states(t *testing.T, dir string) map[string]string {
	t.Helper()
	all, err := List(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range all {
		got[e.Name] = e.State
	}
	return got
}

func TestList(t *testing.T) {
	dir := sampleRuns(t)
	want := map[string]string{"fair": Done, "fresh": Interrupted, "broken": Unreadable, "own": Interrupted}
	if diff := cmp.Diff(want, states(t, dir)); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"fair", "fresh", "own/2"} {
		unlock, err := run.HoldFolder(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
	}
	want = map[string]string{"fair": Searching, "fresh": Training, "broken": Unreadable, "own": Training}
	if diff := cmp.Diff(want, states(t, dir)); diff != "" {
		t.Error("in use:", diff)
	}
	status(t, filepath.Join(dir, "fresh"), "train", time.Now())
	if fresh := Read(filepath.Join(dir, "fresh")); fresh.Progress() != "3 of 8" {
		t.Errorf("before the first checkpoint: %+v", fresh)
	}
	status(t, filepath.Join(dir, "fresh"), "train", time.Now().Add(-time.Hour))
	if fresh := Read(filepath.Join(dir, "fresh")); fresh.Progress() != "" {
		t.Errorf("the status of a killed process: %+v", fresh)
	}
	status(t, filepath.Join(dir, "fair"), "search", time.Now())
	fair, own, broken := Read(filepath.Join(dir, "fair")), Read(filepath.Join(dir, "own")), Read(filepath.Join(dir, "broken"))
	if fair.Space != "nas-bench-201" || fair.Step != 6 || fair.Total != 6 || fair.Best == nil || fair.Best.By != "bnas" || fair.Best.MACs != 1503392 || fair.Bytes < 10_000 {
		t.Errorf("fair: %+v, best %+v", fair, fair.Best)
	}
	if own.Step != 2 || own.Total != 3 || own.Best == nil || own.Best.Arch != "b" || *own.Best.Score != 0.75 || own.Best.Params != 6 {
		t.Errorf("own: %+v, best %+v", own, own.Best)
	}
	if !strings.Contains(broken.Problem, "nonsense") {
		t.Errorf("broken: %+v", broken)
	}
}

// TestTested: the accuracy of a network on its own is that after the last test, as in a folder of several, and not the best one.
func TestTested(t *testing.T) {
	got := tested("a", train.Tests{Step: 4, BestStep: 2, Last: train.Accuracy{Top1: 0.5}, Best: train.Accuracy{Top1: 0.75}})
	if got == nil || got.Arch != "a" || *got.Score != 0.5 || got.By != byTest {
		t.Errorf("%+v", got)
	}
	if got := tested("a", train.Tests{}); got != nil {
		t.Errorf("without a test: %+v", got)
	}
}

// status writes a status of 3 of 8.
func status(t *testing.T, dir, phase string, updated time.Time) {
	t.Helper()
	text, err := json.Marshal(run.Status{Phase: phase, Done: 3, Total: 8, Updated: updated})
	if err != nil {
		t.Fatal(err)
	}
	sampleruns.Write(t, filepath.Join(dir, run.StatusName), string(text))
}

func TestPick(t *testing.T) {
	dir := sampleRuns(t)
	sampleruns.Write(t, filepath.Join(dir, "fair-2", run.ConfigName), "")
	for text, want := range map[string]string{"fair": "fair", "fair-": "fair-2", "o": "own", "fr": "fresh"} {
		if got, err := Pick(dir, text); got != filepath.Join(dir, want) || err != nil {
			t.Errorf("%q is %s, %v, want %s", text, got, err, want)
		}
	}
	if got, err := Pick("elsewhere", filepath.Join(dir, "fair")+"/"); got != filepath.Join(dir, "fair") || err != nil {
		t.Errorf("the path is %s, %v", got, err)
	}
	for text, want := range map[string][]string{"f": {"fair", "fair-2", "fresh"}, "no": nil, "": nil, "fairer": nil} {
		_, err := Pick(dir, text)
		var wrong *NameError
		if !errors.As(err, &wrong) || !slices.Equal(wrong.Matches, want) {
			t.Errorf("%q: %v, want the names %q", text, err, want)
		}
	}
}

// TestName: a folder has its name, however it is written.
func TestName(t *testing.T) {
	dir := sampleRuns(t)
	t.Chdir(filepath.Join(dir, "fair"))
	for _, path := range []string{dir + "/fair", "../fair/", "."} {
		if e := Read(path); e.Name != "fair" || e.State != Done {
			t.Errorf("%s is %s, %s", path, e.Name, e.State)
		}
	}
	if got, want := Name(".."), filepath.Base(dir); got != want {
		t.Errorf(".. is %s, want %s", got, want)
	}
}

func TestDifferences(t *testing.T) {
	dir := t.TempDir()
	sampleruns.Write(t, filepath.Join(dir, "a", run.ConfigName), "seed: 1\ntrain: {lr: 0.1}\n")
	sampleruns.Write(t, filepath.Join(dir, "b", run.ConfigName), "seed: 1\ntrain: {lr: 0.2}\nfinalists: {number: 3}\n")
	got, err := Differences([]string{filepath.Join(dir, "a"), filepath.Join(dir, "b")})
	want := []Difference{{"finalists.epochs", []any{nil, uint64(3)}}, {"finalists.number", []any{nil, uint64(3)}}, {"train.lr", []any{0.1, 0.2}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// TestDifferencesOfSeeds: seeds whose nearest float64 is the same differ.
func TestDifferencesOfSeeds(t *testing.T) {
	dir := t.TempDir()
	sampleruns.Write(t, filepath.Join(dir, "a", run.ConfigName), "seed: 18446744073709551614\n")
	sampleruns.Write(t, filepath.Join(dir, "b", run.ConfigName), "seed: 18446744073709551615\n")
	got, err := Differences([]string{filepath.Join(dir, "a"), filepath.Join(dir, "b")})
	if err != nil || len(got) == 0 || fmt.Sprint(got[0]) != "{seed [18446744073709551614 18446744073709551615]}" {
		t.Error(got, err)
	}
}

func TestLastOf(t *testing.T) {
	dir := t.TempDir()
	if got, err := LastOf(dir); err != nil || got != (Curve{}) {
		t.Errorf("without metrics %+v, %v", got, err)
	}
	line := `{"kind":"step","loss":1,"accuracy":0.1}` + "\n"
	sampleruns.Write(t, filepath.Join(dir, train.MetricsName), strings.Repeat(line, tailBytes/len(line)+9)+
		`{"kind":"step","loss":2,"accuracy":0.5}`+"\n"+`{"kind":"rank","tau":0.9}`+"\n"+`{"kind":"rank","tau":null}`+"\n"+`{"kind":"step","lo`)
	got, err := LastOf(dir)
	if err != nil || *got.Loss != 2 || *got.Accuracy != 0.5 || *got.Tau != 0.9 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestRemove: a run in use stays, also if only a network in it is; another goes as a whole.
func TestRemove(t *testing.T) {
	dir := sampleRuns(t)
	own := filepath.Join(dir, "own")
	unlock, err := run.HoldFolder(filepath.Join(own, "2"))
	if err != nil {
		t.Fatal(err)
	}
	before := states(t, dir)
	var used *run.LockedError
	if err := Remove(own); !errors.As(err, &used) {
		t.Errorf("in use: %v", err)
	}
	if diff := cmp.Diff(before, states(t, dir)); diff != "" {
		t.Error(diff)
	}
	unlock()
	if err := Remove(own); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "fair"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := Remove(filepath.Join(dir, "link")); err == nil {
		t.Error("a link was removed")
	}
	found, err := os.ReadDir(dir)
	if err != nil || len(found) != 5 {
		t.Errorf("left are %v, %v", found, err)
	}
}

func TestSweep(t *testing.T) {
	dir := sampleRuns(t)
	left := map[string]string{}
	for name, why := range map[string]string{
		"fair/checkpoint.prev":       earlier,
		"fair/checkpoint.tmp":        crashed,
		"fair/checkpoint.damaged":    crashed,
		"fair/.bnas-12.tmp":          crashed,
		"fair/status.json":           crashed,
		"own/1/.bnas-34.tmp":         crashed,
		".removed-ab/checkpoint":     halfRemoved,
		"never/.lock":                neverBegun,
		"fresh/checkpoint.prev":      "", // there is no whole checkpoint
		"own/2/.bnas-56.tmp":         "", // in use
		"fair/metrics.of mine.jsonl": "",
	} {
		sampleruns.Write(t, filepath.Join(dir, name), "text")
		if why != "" {
			path := filepath.Join(dir, name)
			if why == halfRemoved || why == neverBegun {
				path = filepath.Dir(path)
			}
			left[path] = why
		}
	}
	unlock, err := run.HoldFolder(filepath.Join(dir, "own", "2"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	for _, remove := range []bool{false, true} {
		found, err := Sweep(dir, nil, remove)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, l := range found {
			got[l.Path] = l.Why
			if _, err := os.Lstat(l.Path); (err == nil) == remove {
				t.Errorf("remove %t: %s: %v", remove, l.Path, err)
			}
		}
		if diff := cmp.Diff(left, got); diff != "" {
			t.Errorf("remove %t: %s", remove, diff)
		}
	}
	if again, err := Sweep(dir, nil, true); err != nil || len(again) != 0 {
		t.Errorf("found again: %v, %v", again, err)
	}
	for _, kept := range []string{"fresh/checkpoint.prev", "own/2/.bnas-56.tmp", "fair/metrics.of mine.jsonl", "fair/checkpoint"} {
		if _, err := os.Lstat(filepath.Join(dir, kept)); err != nil {
			t.Error(err)
		}
	}
}

// TestLatencyOfBest: the best network of a search over latencies has its own.
func TestLatencyOfBest(t *testing.T) {
	dir := filepath.Join(sampleRuns(t), "fair")
	sampleruns.Write(t, filepath.Join(dir, run.ResultName), `{"objective": "naswot", "answer": 0, "best": [{"arch": "a", "score": 2, "macs": 3, "params": 4, "latency_ms": 0.25}]}`)
	if best := Read(dir).Best; best == nil || best.Latency != 0.25 {
		t.Errorf("%+v", best)
	}
}
