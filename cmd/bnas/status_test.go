package main

import (
	"strings"
	"testing"
	"time"

	"bnas.example/run"
	"bnas.example/search"
)

// TestStatusOfOtherWork: a folder in which another command works, such as a training, is not said to be idle.
func TestStatusOfOtherWork(t *testing.T) {
	dir := t.TempDir()
	said := func(want string) {
		t.Helper()
		var text strings.Builder
		if statusTable(&text, dir, nil); !strings.Contains(text.String(), want) {
			t.Errorf("%s, want %s", &text, want)
		}
	}
	said("works in " + dir + "\n")
	unlock, err := run.LockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	said("works in " + dir + " yet: another command")
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
		s    status
		want string
	}{
		{status{Phase: "prune"}, "time left unknown"},
		{status{Phase: "search", Total: 9}, "time left unknown"},
		{status{Phase: "search", Done: 3, Total: 9, Rate: 1, Left: 6}, "\t6s left"},
		{status{Phase: "search", Done: 9, Total: 9, Rate: 1}, "\t0s left"},
	} {
		var text strings.Builder
		if statusTable(&text, "dir", &c.s); !strings.Contains(text.String(), c.want) {
			t.Errorf("%s, want %s", text.String(), c.want)
		}
	}
}
