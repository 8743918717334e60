package search

import (
	"bnas.example/indicator"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bnas.example/supernet"
)

var testKey = Key{"supernet": "fake 1", "data": "d1"}

func openTest(t testing.TB, dir string) *Ledger {
	t.Helper()
	l, err := OpenLedger(dir, testKey, 1, Made{Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// essence returns the part of a result that must not depend on interruptions.
func essence(r *Result) string {
	return fmt.Sprint(r.Strategy, r.Stopped, r.Proposed, r.Evaluations, r.Dead, "\n", texts(r.Best), "\n", texts(r.Pareto))
}

// A search that is interrupted several times scores nothing twice. It has the same result and the same ledger as an
// uninterrupted search.
func TestResumeEqualsUninterrupted(t *testing.T) {
	space := fakeSpace{9, 4}
	for _, strategy := range sampling() {
		t.Run(strategy, func(t *testing.T) {
			c := Config{Strategy: strategy, Seed: 4, MaxEvaluations: 230, Population: 40, Mutants: 15, Crossovers: 15}
			whole := t.TempDir()
			search := func(dir string, e *fakeEvaluator, stopAfter int) (*Result, error) {
				l := openTest(t, dir)
				defer l.Close()
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				e.before = func(calls int) {
					if calls == stopAfter {
						cancel()
					}
				}
				return Run(ctx, Problem{Space: space, Evaluator: &Recorded{space, e, l}, Objective: firstTerm(t)}, c, nil)
			}
			want, err := search(whole, newFake(space, 2), -1)
			if err != nil {
				t.Fatal(err)
			}
			dir, total := t.TempDir(), 0
			for k, stop := range []int{0, 1, 38, 60, 7} {
				e := newFake(space, 2)
				if _, err := search(dir, e, stop); !errors.Is(err, ErrInterrupted) || !errors.Is(err, context.Canceled) {
					t.Fatalf("interruption %d: %v", k, err)
				}
				if e.total() != stop+1 {
					t.Errorf("interruption %d: %d calls, want %d", k, e.total(), stop+1)
				}
				total += e.total()
			}
			e := newFake(space, 2)
			got, err := search(dir, e, -1)
			if err != nil {
				t.Fatal(err)
			}
			if essence(got) != essence(want) {
				t.Errorf("resumed:\n%s\nuninterrupted:\n%s", essence(got), essence(want))
			}
			if total+e.total() != want.Evaluations || got.Reused != total || want.Reused != 0 {
				t.Errorf("%d and %d calls for %d evaluations, %d reused", total, e.total(), want.Evaluations, got.Reused)
			}
			if a, b := read(t, dir), read(t, whole); !bytes.Equal(a, b) {
				t.Error("the ledgers differ")
			}
		})
	}
}

func read(t testing.TB, dir string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, ScoresName))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A killed program's ledger may end at any byte. The search continues from the last whole row.
func TestTornLedger(t *testing.T) {
	space := fakeSpace{5, 3}
	run := func(dir string) (*Result, *fakeEvaluator) {
		l := openTest(t, dir)
		defer l.Close()
		e := newFake(space, 2)
		return mustRun(t, Problem{Space: space, Evaluator: &Recorded{space, e, l}, Objective: firstTerm(t)}, Config{Strategy: "random", MaxEvaluations: 8}), e
	}
	whole := t.TempDir()
	want, _ := run(whole)
	text := read(t, whole)
	for cut := 0; cut <= len(text); cut += 1 + len(text)/40 {
		dir := t.TempDir()
		openTest(t, dir).Close()
		if err := os.WriteFile(filepath.Join(dir, ScoresName), text[:cut], 0o666); err != nil {
			t.Fatal(err)
		}
		got, e := run(dir)
		rows := max(bytes.Count(text[:cut], []byte("\n"))-1, 0)
		if essence(got) != essence(want) || got.Reused != rows || e.total() != 8-rows {
			t.Errorf("cut at %d: %d reused of %d rows, %d calls", cut, got.Reused, rows, e.total())
		}
		if !bytes.Equal(read(t, dir), text) {
			t.Errorf("cut at %d: the ledger ends otherwise", cut)
		}
	}
}

func TestRefusedLedger(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	s, err := newFake(fakeSpace{3, 2}, 1).Score(supernet.Arch{1, 0, 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Add(s); err != nil {
		t.Fatal(err)
	}
	if err := l.Add(s); err == nil {
		t.Error("the same architecture was recorded twice")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	before := read(t, dir)
	if err := os.WriteFile(filepath.Join(dir, keyFile), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLedger(dir, testKey, 1, Made{Version: "v1"}); err == nil || !strings.Contains(err.Error(), keyFile) {
		t.Errorf("a broken key: %v", err)
	}
	if !bytes.Equal(read(t, dir), before) {
		t.Error("a refused ledger was changed")
	}
	if _, err := OpenLedger(filepath.Join(dir, "absent"), testKey, 1, Made{}); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("no folder: %v", err)
	}
}

func TestLedgerKeepsOrder(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	space := fakeSpace{4, 3}
	e := &Recorded{space, newFake(space, 1), l}
	for _, i := range []int{5, 2, 0, 77} {
		if _, err := e.Score(space.At(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(e.Flush(), l.Close()); err != nil {
		t.Fatal(err)
	}
	l = openTest(t, dir)
	defer l.Close()
	var got []string
	for s, err := range indicator.EachScore(l.Path()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s.Arch)
	}
	if want := "0-0-1-2 0-0-0-2 0-0-0-0 2-2-1-2"; strings.Join(got, " ") != want {
		t.Errorf("ledger holds %v, want %s", got, want)
	}
}

func FuzzLedger(f *testing.F) {
	f.Add([]byte("arch,canonical,dead\n"), []byte(`{"supernet":"fake 1","data":"d1"}`))
	f.Add([]byte("\n\n"), []byte("[]"))
	f.Add([]byte(`"`), []byte(`{"supernet":1}`))
	f.Fuzz(func(t *testing.T, scores, key []byte) {
		dir := t.TempDir()
		for name, text := range map[string][]byte{ScoresName: scores, keyFile: key} {
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		l, err := OpenLedger(dir, testKey, 1, Made{Version: "v1"})
		if err != nil {
			return
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
