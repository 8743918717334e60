package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bnas.example/search"
)

// pruned is a tiny configuration of a search by pruning, in one round.
func pruned() Config {
	c := timing()
	c.Search = search.Config{}.WithDefaults()
	c.Search.Strategy, c.Search.Prune = search.Pruning, 3
	c.Supernet.Channels, c.Score.NTKBatches = 1, 1
	return c
}

// TestPruningSearchResumes: a search by pruning that is interrupted within its round goes on to the result of an uninterrupted one, and
// measures nothing twice.
func TestPruningSearchResumes(t *testing.T) {
	searched := func(dir string, after int) (*Found, []Progress, error) {
		r, err := Untrained(pruned(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var seen []Progress
		found, err := r.Search(ctx, dir, func(p Progress) {
			if seen = append(seen, p); len(seen) == after {
				cancel()
			}
		})
		return found, seen, err
	}
	dir := t.TempDir()
	if _, _, err := searched(dir, 10); !errors.Is(err, search.ErrInterrupted) {
		t.Fatal(err)
	}
	part, err := os.ReadFile(filepath.Join(dir, PruningName))
	if err != nil {
		t.Fatal(err)
	}
	got, seen, err := searched(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadFile(filepath.Join(dir, PruningName))
	if err != nil || !strings.HasPrefix(string(all), string(part)) || strings.Count(string(all), "\n") != 1+25 || strings.Count(string(part), "\n") != 1+9 {
		t.Errorf("%v: the figures\n%s\nwent on to\n%s", err, part, all)
	}
	if first, end := seen[0], seen[len(seen)-1]; first.Phase != Pruning || !first.Begin || seen[25].Done != 25 || seen[25].Total != 25 ||
		end.Phase != Searching || !end.Begin || end.Done != 1 || len(seen) != 27 {
		t.Errorf("%d steps: %+v … %+v, %+v", len(seen), first, seen[len(seen)-2], end)
	}
	for i, p := range seen[1:26] { // those of the first search cost no time
		if p.Reused != min(i+1, 9) {
			t.Errorf("%d mixtures: %d of them were kept", p.Done, p.Reused)
		}
	}
	last := t.TempDir() // measures the last six again
	if err := os.WriteFile(filepath.Join(last, PruningName), []byte(strings.Join(strings.SplitAfter(string(all), "\n")[:20], "")), 0o666); err != nil {
		t.Fatal(err)
	}
	want, _, err := searched(last, 0)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(last, PruningName)); err != nil || string(text) != string(all) {
		t.Errorf("%v: measured again\n%s\nwant\n%s", err, text, all)
	}
	if a, b := timeless(t, want.Result), timeless(t, got.Result); a != b || len(want.Pruned) != 18 {
		t.Errorf("results\n%s\n%s", a, b)
	}
	if diff := cmp.Diff(want.Pruned, got.Pruned); diff != "" {
		t.Error(diff)
	}
}

func TestPruningIsRefused(t *testing.T) {
	darts := pruned()
	darts.Supernet.Space, darts.Supernet.Channels = "darts", 4
	_, err := untrained(t, darts).Search(t.Context(), "", nil)
	if err == nil || !strings.Contains(err.Error(), "search.strategy pruning: darts has no network with several operators at a place") {
		t.Errorf("darts: %v", err)
	}
	r := untrained(t, pruned())
	r.Workers = func(Share) (Workers, error) { return nil, errors.New("not reached") }
	if _, err := r.Search(t.Context(), "", nil); err == nil || !strings.Contains(err.Error(), "leave out the workers") {
		t.Errorf("workers: %v", err)
	}
	if err := r.checkPruning(2); err == nil || !strings.Contains(err.Error(), "search one") {
		t.Errorf("two supernets: %v", err)
	}
	r.Workers, r.Config.Finalists.Number = nil, 2
	if err := r.checkPruning(1); err == nil || !strings.Contains(err.Error(), "ends with one network") {
		t.Errorf("finalists: %v", err)
	}
}
