package run

import (
	"context"
	"errors"
	"html"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bnas.example/indicator"
	"bnas.example/search"
)

// seedsOf trains a supernet for each seed.
func seedsOf(t *testing.T, change func(*Config), seeds ...uint64) (runs []*Run) {
	t.Helper()
	for _, seed := range seeds {
		c := tiny()
		c.SetSeed(seed)
		c.Train.Steps, c.Train.RankEvery, c.Objective.Composite, c.Objective.Calibration = 2, 0, "naswot+cell_spectrum", 5
		change(&c)
		runs = append(runs, trained(t, c))
	}
	return runs
}

func same(*Config) {}

// TestSearchOver: a search over two supernets that is interrupted ends as an uninterrupted one. Its scores are the mean quantiles of
// those that each run has in its own ledger.
func TestSearchOver(t *testing.T) {
	runs := seedsOf(t, same, 1, 2)
	dir := filepath.Join(t.TempDir(), "both")
	want, err := runs[0].SearchOver(t.Context(), runs[1:], dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(want.Runs, []string{runs[0].Dir, runs[1].Dir}) || len(want.Ledgers) != 2 || want.Reused == want.Evaluations {
		t.Errorf("result %+v", want.Result)
	}
	var kept search.Result
	readJSON(t, filepath.Join(dir, ResultName), &struct {
		Runs *[]string `json:"runs"`
	}{&kept.Runs})
	if !slices.Equal(kept.Runs, want.Runs) {
		t.Errorf("%s has the runs %v", ResultName, kept.Runs)
	}

	page, err := runs[0].ReportOver(runs[1:], dir, want, "the command", "v1", 0)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(html.UnescapeString(string(content)), "<wbr>", "")
	for _, part := range []string{"averages over 2 runs", runs[0].Dir, runs[1].Dir, `<td class="left words">2</td>`, "The terms are means over 2 supernets", want.Best[0].Scores.Arch} {
		if !strings.Contains(text, part) {
			t.Errorf("the report lacks %q", part)
		}
	}
	n := 0
	for s, err := range want.scored(1) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; s.Arch == want.Best[0].Scores.Arch && !slices.EqualFunc(s.Values, want.Best[0].Scores.Values, equalNumbers) {
			t.Errorf("the report reads %v, the search %v", s.Values, want.Best[0].Scores.Values)
		}
	}
	if own := scoresIn(t, runs[0].Dir); n != len(own) {
		t.Errorf("the report has %d architectures, the ledger %d", n, len(own))
	}

	var samples [][]indicator.Scores
	best := make([]indicator.Scores, 2)
	var calibrations []*indicator.Calibration
	for i, r := range runs {
		own := scoresIn(t, r.Dir)
		var sample []indicator.Scores
		for _, s := range want.Sample {
			sample = append(sample, own[s.Arch])
		}
		best[i] = own[want.Best[0].Scores.Arch]
		c, err := indicator.NewCalibration(sample)
		if err != nil {
			t.Fatal(err)
		}
		samples, calibrations = append(samples, sample), append(calibrations, c)
	}
	if got := indicator.MeanQuantiles(calibrations, best); !slices.EqualFunc(got.Values, want.Best[0].Scores.Values, equalNumbers) {
		t.Errorf("the best network has %v, its runs %v", want.Best[0].Scores.Values, got.Values)
	}
	if slices.Equal(samples[0][0].Values, samples[1][0].Values) {
		t.Error("both runs have the same scores")
	}

	again := seedsOf(t, same, 1, 2)
	for _, stop := range []int{3, 7, 2} { // scores of the sample, then of the search
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		_, err = again[0].SearchOver(ctx, again[1:], "", func(p Progress) {
			if calls++; calls == stop+1 {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, search.ErrInterrupted) {
			t.Fatalf("stopped after %d: %v", stop, err)
		}
	}
	reused := 0
	got, err := again[0].SearchOver(t.Context(), again[1:], "", func(p Progress) {
		if p.Phase == Calibrating {
			reused = p.Reused
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if reused != 7 { // no search came further in the sample
		t.Errorf("%d scores of the sample are from the ledgers", reused)
	}
	got.Result.Runs = want.Runs
	if a, b := timeless(t, want.Result), timeless(t, got.Result); a != b {
		t.Errorf("results\n%s\n%s", a, b)
	}
}

func equalNumbers(a, b float64) bool { return a == b || a != a && b != b }

// scoresIn reads the ledger of a run.
func scoresIn(t *testing.T, dir string) map[string]indicator.Scores {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, search.ScoresName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := indicator.ReadScores(f, "scores")
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]indicator.Scores{}
	for _, s := range all.List() {
		own[s.Arch] = s
	}
	return own
}

// TestSearchOverErrors: what cannot be averaged is refused in one line, before there is a folder.
func TestSearchOverErrors(t *testing.T) {
	first := seedsOf(t, same, 1)[0]
	wide := seedsOf(t, func(c *Config) { c.Supernet.Channels = 8 }, 1)[0]
	standard := seedsOf(t, func(c *Config) { c.Supernet.BN = "standard" }, 1)[0]
	other := seedsOf(t, same, 2)[0]
	few := seedsOf(t, func(c *Config) { c.Score.Terms, c.Objective.Composite = []string{"params"}, "params" }, 1)[0]
	dir := filepath.Join(t.TempDir(), "out")
	for name, c := range map[string]struct {
		other *Run
		dir   string
		want  string
	}{
		"width":     {wide, dir, "cannot be averaged: supernet.channels is 4 in the first and 8 in the second"},
		"placement": {standard, dir, "supernet.bn is fair in the first and standard in the second"},
		"twice":     {first, dir, " is given twice: its scores would count twice"},
		"terms":     {few, dir, "naswot of objective.composite naswot+cell_spectrum is missing"},
		"folder":    {other, first.Dir, " has the scores of one run: the result of several needs another folder"},
	} {
		_, err := first.SearchOver(t.Context(), []*Run{c.other}, c.dir, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(dir); err == nil {
			t.Errorf("%s: a folder is left", name)
		}
	}
	first.Config.Finalists.Number = 1
	if _, err := first.SearchOver(t.Context(), []*Run{other}, "", nil); err == nil || !strings.Contains(err.Error(), "they need a folder") {
		t.Errorf("finalists without a folder: %v", err)
	}
}
