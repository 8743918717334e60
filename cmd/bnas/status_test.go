package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bnas.example/run"
	"bnas.example/search"
)

// TestStatusOfOtherWork: a folder in which a command without a status works is not said to be idle.
func TestStatusOfOtherWork(t *testing.T) {
	dir := t.TempDir()
	said := func(want string) {
		t.Helper()
		var text strings.Builder
		if statusTable(&text, dir, nil); !strings.Contains(text.String(), want) {
			t.Errorf("%s, want %s", &text, want)
		}
	}
	if atWork(dir, nil) {
		t.Error("--watch goes on where nothing works")
	}
	said("no command of bnas works in " + dir + "\n")
	unlock, err := run.LockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	said("a command of bnas works in " + dir + ", ")
	if !atWork(dir, nil) {
		t.Error("--watch ends before the command")
	}
}

// TestStateOfSearch: a search that leaves out networks because of their latency says so, also before it has found one.
func TestStateOfSearch(t *testing.T) {
	best := &search.Found{Score: -1.5}
	for _, c := range []struct {
		p    run.Progress
		want string
	}{
		{run.Progress{Phase: run.Calibrating}, "random architectures"},
		{run.Progress{Phase: run.Pruning}, "networks with several operators at a place"},
		{run.Progress{Phase: run.Searching}, ""},
		{run.Progress{Phase: run.Searching, TooSlow: 7}, "7 over --max-latency"},
		{run.Progress{Phase: run.Searching, Best: best, TooSlow: 7}, "best -1.500, 7 over --max-latency"},
		{run.Progress{Phase: run.Searching, Best: best}, "best -1.500"},
	} {
		if got := stateOf(c.p); got != c.want {
			t.Errorf("%+v: %q, want %q", c.p, got, c.want)
		}
	}
}

// TestLeftBeforeTheFirst: before anything is done, the time that is left is unknown.
func TestLeftBeforeTheFirst(t *testing.T) {
	p := &progress{total: 9, clock: time.Now, start: time.Now().Add(-time.Second)}
	if got := p.left(0); got != "unknown" {
		t.Error(got)
	}
	if got := p.left(9); got != "0s" {
		t.Error(got)
	}
}

// TestStatusOfUnknownLength: the time that is left is given only where it is known.
func TestStatusOfUnknownLength(t *testing.T) {
	for _, c := range []struct {
		s    run.Status
		want string
	}{
		{run.Status{Phase: "prune"}, "time left unknown"},
		{run.Status{Phase: "search", Total: 9}, "time left unknown"},
		{run.Status{Phase: "search", Done: 3, Total: 9, Rate: 1, Left: 6}, "\t6s left"},
		{run.Status{Phase: "search", Done: 9, Total: 9, Rate: 1}, "\t0s left"},
	} {
		var text strings.Builder
		if statusTable(&text, "dir", &c.s); !strings.Contains(text.String(), c.want) {
			t.Errorf("%s, want %s", text.String(), c.want)
		}
	}
}

// TestRateOfComputedWork: scores that were in the ledger count neither for the rate nor for the time that is left.
func TestRateOfComputedWork(t *testing.T) {
	b := boardIn(t.TempDir(), nil)
	defer b.end()
	seen := func(done, known int, rate, left float64) {
		t.Helper()
		b.at("search", done, 1000, known)
		b.mu.Lock()
		if known < done {
			b.since = time.Now().Add(-10 * time.Second)
		}
		b.mu.Unlock()
		if !b.write() {
			t.Fatal("no status")
		}
		s, err := run.ReadStatus(filepath.Dir(b.path))
		if err != nil || !(math.Abs(s.Rate-rate) <= 0.01*rate && math.Abs(s.Left-left) <= 0.01*left) {
			t.Errorf("%d done, %d of them known: %v, %+v", done, known, err, s)
		}
	}
	b.at("calibrate", 7, 7, 3)
	seen(0, 0, 0, 0)
	seen(800, 800, 0, 0)
	seen(900, 850, 5, 20)
	b.at("calibrate", 900, 1000, 850) // a phase may begin with what was done before
	b.at("calibrate", 910, 1000, 850)
	if n := b.computed(); n != 10 {
		t.Errorf("%d computed in the new phase", n)
	}
}
