package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bnas.example/indicator"
	"bnas.example/rank"
	"bnas.example/run"
	"bnas.example/search"
	"bnas.example/supernet"
	"bnas.example/train"
)

// tiny are the settings of a study that takes less than a second.
func tiny(s Study) Settings {
	of := s.Base(true)
	of.Seeds, of.Networks, of.Run.Threads = 2, 12, 1 // the studies are tested side by side
	net, train, score := &of.Run.Supernet, &of.Run.Train, &of.Run.Score
	net.Channels, net.Cells, net.Height, net.Width = 2, 1, 8, 8
	if s.Name == tangent.Name { // it refuses the settings below, which it does not use
		of.Seeds, of.Networks, train.Steps, score.NTKImages = 1, 4, 8, 2
		return of
	}
	train.Batch, train.Steps, train.GammaEvery = 8, 12, 4
	score.Images, score.NTKImages = 8, 2
	of.Run.Objective.Composite, of.Run.Objective.Calibration = "quick", 5
	return of
}

// do does a study in a folder.
func do(t *testing.T, s Study, of Settings, dir string, truth *Truth) *Summary {
	t.Helper()
	o := Options{Dir: dir, Command: "bnas study " + s.Name, Version: "test", Truth: truth}
	summary, err := s.Do(t.Context(), of, o)
	if err != nil {
		t.Fatal(err)
	}
	return summary
}

// invented is a table of accuracies.
func invented(t *testing.T, of Settings) *Truth {
	t.Helper()
	space, err := of.Run.Supernet.Lookup()
	if err != nil {
		t.Fatal(err)
	}
	ordered := space.(supernet.Ordered)
	var table strings.Builder
	table.WriteString("arch,test_accuracy\n")
	for i := range ordered.Size() {
		fmt.Fprintf(&table, "%s,%d\n", space.Format(ordered.At(i)), i*7919%10007)
	}
	read, err := indicator.ReadTruth(strings.NewReader(table.String()), "invented", indicator.TruthColumns{Read: indicator.InSpace(space)})
	if err != nil {
		t.Fatal(err)
	}
	return &Truth{Truth: read, Name: "invented.csv", Hash: "0123"}
}

// contents reads the tables of a summary, but not times.
func contents(t *testing.T, s *Summary) string {
	t.Helper()
	var all strings.Builder
	for _, path := range s.Tables {
		if filepath.Base(path) == "time.csv" {
			continue // measured times
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s\n%s", filepath.Base(path), text)
	}
	return all.String()
}

// TestStudiesGoOn interrupts each study in every kind of phase of a cell. It goes on to the tables of an uninterrupted one. Once more it computes
// nothing and writes the same page.
func TestStudiesGoOn(t *testing.T) {
	for _, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			of := tiny(s)
			truth := invented(t, of)
			want := contents(t, do(t, s, of, t.TempDir(), truth))
			dir, seen, stops := t.TempDir(), map[string]bool{}, 0
			for {
				ctx, cancel := context.WithCancel(t.Context())
				stop := func(p Progress) {
					if p.Done > 0 && p.Done == p.Total/2 && !seen[p.Phase] {
						seen[p.Phase] = true
						stops++
						cancel()
					}
				}
				o := Options{Dir: dir, Command: "bnas study " + s.Name, Version: "test", Truth: truth, Progress: stop}
				summary, err := s.Do(ctx, of, o)
				cancel()
				if errors.Is(err, ErrInterrupted) {
					if _, err := os.Stat(filepath.Join(dir, run.ReportName)); err == nil {
						t.Fatal("an interrupted study has a page")
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := contents(t, summary); got != want {
					t.Errorf("the tables after %d interruptions differ:\n%s\nwant\n%s", stops, got, want)
				}
				break
			}
			if stops < 2 {
				t.Errorf("it was interrupted %d times", stops)
			}
			page := func() string {
				text, err := os.ReadFile(filepath.Join(dir, run.ReportName))
				if err != nil {
					t.Fatal(err)
				}
				return string(text)
			}
			before := page()
			if again := do(t, s, of, dir, truth); again.Computed != 0 || again.Reused == 0 || contents(t, again) != want || page() != before {
				t.Errorf("once more: %d cells computed, or other bytes", again.Computed)
			}
			checkPage(t, before, s)
		})
	}
}

// TestQuickForms does the quick form of each study, as its command does.
func TestQuickForms(t *testing.T) {
	if os.Getenv("BNAS_LONG") == "" {
		t.Skip("takes half an hour: BNAS_LONG=1")
	}
	for _, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			of := s.Base(true)
			summary := do(t, s, of, t.TempDir(), invented(t, of))
			page, err := os.ReadFile(filepath.Join(summary.Dir, run.ReportName))
			if err != nil {
				t.Fatal(err)
			}
			checkPage(t, string(page), s)
		})
	}
}

// checkPage checks what every page of a study has.
func checkPage(t *testing.T, page string, s Study) {
	t.Helper()
	for _, want := range []string{
		`<section id="claim">`, `<section id="done">`, `<section id="limits">`, `<section id="files">`, `<section id="provenance">`,
		"bnas study " + s.Name, "arithmetic", "sha256", "seeds", "invented.csv", "<svg",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, wrong := range []string{"NaN", "Inf", "%!", "<script", "http"} {
		if strings.Contains(page, wrong) {
			t.Errorf("the page has %q", wrong)
		}
	}
	if out := os.Getenv("BNAS_PAGE"); out != "" { // to look at it
		if err := os.WriteFile(filepath.Join(out, s.Name+".html"), []byte(page), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOtherSettings: a folder of other settings is refused before anything is computed. More seeds compute theirs alone. A damaged result
// is an error that names its file.
func TestOtherSettings(t *testing.T) {
	s, dir := fairness, t.TempDir()
	of := tiny(s)
	of.Seeds = 1
	first := do(t, s, of, dir, nil)
	for _, c := range []struct {
		change  func(*Settings)
		setting string
	}{
		{func(of *Settings) { of.Run.Train.Steps = 13 }, "train.steps"},
		{func(of *Settings) { of.Networks = 11 }, "networks"},
		{func(of *Settings) { of.Run.Supernet.Width = 16 }, "supernet.width"},
	} {
		other := of
		c.change(&other)
		_, err := s.Do(t.Context(), other, Options{Dir: dir})
		var refused *OtherSettingsError
		if !errors.As(err, &refused) || refused.Setting != c.setting {
			t.Errorf("%s: %v", c.setting, err)
		}
	}
	of.Run.Threads, of.Run.Device = 1, "cpu"
	if same := do(t, s, of, dir, nil); same.Computed != 0 || contents(t, same) != contents(t, first) {
		t.Error("the number of threads counts as another setting")
	}
	of.Seeds = 2
	if more := do(t, s, of, dir, nil); more.Computed != first.Computed || more.Reused != first.Computed {
		t.Errorf("with a second seed: %d computed, %d reused, want %d each", more.Computed, more.Reused, first.Computed)
	}
	cell := filepath.Join(dir, "cells", "fair-0")
	for _, name := range []string{resultName, settingsName} {
		path := filepath.Join(cell, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"{", "", "null", "[]", `{"result": null}`, `{"result": 3}`, "3", "none"} {
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			_, err := s.Do(t.Context(), of, Options{Dir: dir})
			var refused *OtherSettingsError
			if name == settingsName && errors.As(err, &refused) && strings.HasPrefix(text, "{") {
				continue // YAML
			}
			if err == nil || !strings.Contains(err.Error(), path+": ") || !strings.HasSuffix(err.Error(), "to compute the cell again") {
				t.Errorf("%s of %q: %v", name, text, err)
			}
		}
		if err := os.WriteFile(path, whole, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(cell, settingsName)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Do(t.Context(), of, Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "remove it to compute the cell again") {
		t.Errorf("a result without settings: %v", err)
	}
}

// TestSearchingByTruth: the figures of the study are those of the table for the networks that it found. Without a table it computes nothing.
func TestSearchingByTruth(t *testing.T) {
	of := tiny(searching)
	path := filepath.Join(t.TempDir(), "study")
	if _, err := searching.Do(t.Context(), of, Options{Dir: path}); !errors.Is(err, ErrNoTable) {
		t.Errorf("without a table: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a study without its table makes a folder")
	}
	net := supernet.Config{Space: of.Run.Supernet.Space}
	space, err := net.Lookup()
	if err != nil {
		t.Fatal(err)
	}
	truth := invented(t, of)
	networks := []foundNetwork{{Arch: space.Format(space.(supernet.Ordered).At(12345))}, {Arch: space.Format(space.(supernet.Ordered).At(1))}}
	r := &Results{Settings: of, Truth: truth}
	got, err := r.accuraciesOf(net, networks)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range networks {
		if want, ok := truth.Of(n.Arch, n.Arch); !ok || got[i] != want {
			t.Errorf("%s: accuracy %v, want %v", n.Arch, got[i], want)
		}
	}
}

// TestSearchingWithFinalists: the finalists are a row of their own, the networks of the first objective in another order.
func TestSearchingWithFinalists(t *testing.T) {
	of := tiny(searching)
	of.Seeds, of.Run.Data.Holdout, of.Run.Finalists = 1, 7400, run.Finalists{Number: 3, Epochs: 1}
	s := do(t, searching, of, t.TempDir(), invented(t, of))
	c, err := os.ReadFile(filepath.Join(s.Dir, "cells", searchingCell(0), resultName))
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Result supernetSearched }
	if err := json.Unmarshal(c, &got); err != nil {
		t.Fatal(err)
	}
	first, finalists := got.Result.Searches[0].Found, got.Result.Finalists
	if got.Result.FinalistSeconds <= 0 || len(finalists) != len(first) || !slices.Equal(finalists[3:], first[3:]) {
		t.Errorf("%+v, %+v", first, got.Result)
	}
	for _, f := range finalists[:3] {
		if !slices.Contains(first[:3], f) {
			t.Errorf("%+v is no finalist", f)
		}
	}
	for _, table := range []string{"accuracy.csv", "found.csv"} {
		text, err := os.ReadFile(filepath.Join(s.Dir, table))
		for _, row := range []string{`"quick, finalists",`, `"quick, random search",`, "meco,", "params,"} {
			if err != nil || !strings.Contains(string(text), "\n"+row) {
				t.Errorf("%s: no row %s: %s (%v)", table, row, text, err)
			}
		}
	}
	if len(got.Result.RandomSearch) != len(first) || slices.Equal(got.Result.RandomSearch, first) {
		t.Errorf("the random search finds %+v, the evolution %+v", got.Result.RandomSearch, first)
	}
	if !strings.Contains(s.Says, "Finalists change it by ") {
		t.Errorf("the study says %q", s.Says)
	}
}

// TestOverSeeds: mean, deviation and interval of a figure over seeds, and the difference seed by seed.
func TestOverSeeds(t *testing.T) {
	r := &Results{}
	for _, c := range []struct {
		values                     []float64
		mean, deviation, low, high float64
	}{
		{[]float64{3}, 3, math.NaN(), math.NaN(), math.NaN()},
		{[]float64{2, 2, 2}, 2, 0, 2, 2},
		{[]float64{1, 3}, 2, math.Sqrt2, 1, 3},
	} {
		e := r.overSeeds(c.values)
		for i, pair := range [][2]float64{{e.mean, c.mean}, {deviation(c.values), c.deviation}, {e.Low, c.low}, {e.High, c.high}} {
			if !(math.Abs(pair[0]-pair[1]) < 1e-12) && !(math.IsNaN(pair[0]) && math.IsNaN(pair[1])) {
				t.Errorf("%v: figure %d is %v, want %v", c.values, i, pair[0], pair[1])
			}
		}
	}
	p := &searchingPage{out: &Outcome{}}
	for _, c := range []struct {
		less estimate
		want string
	}{
		{estimate{mean: -1, Interval: rank.Interval{Low: -2, High: -.5}}, "1.00 (0.50 … 2.00): better here"},
		{estimate{mean: 1, Interval: rank.Interval{Low: .5, High: 2}}, "worse here, against the claim"},
		{estimate{mean: 0, Interval: rank.Interval{Low: -1, High: 1}}, "not decided"},
		{estimate{mean: 1, Interval: noInterval}, "one seed decides nothing"},
	} {
		p.out.Says = ""
		if p.compare("x", c.less); !strings.Contains(p.out.Says, c.want) {
			t.Errorf("%v: %q, want %q", c.less, p.out.Says, c.want)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, s := range All() {
		found, err := Lookup(s.Name)
		if err != nil || found.Name != s.Name || s.Claim == "" || s.QuickTime == "" || s.FullTime == "" {
			t.Errorf("%s: %v", s.Name, err)
		}
		for _, quick := range []bool{true, false} {
			of := s.Base(quick)
			if err := of.Run.Validate(); err != nil || of.Quick != quick || of.Seeds < 1 {
				t.Errorf("%s, quick %t: %v", s.Name, quick, err)
			}
		}
	}
	if _, err := Lookup("fair"); err == nil || !strings.Contains(err.Error(), "fairness") {
		t.Errorf("%v", err)
	}
}

// TestRefusesOtherTraining: a study refuses settings under which its page would not be true.
func TestRefusesOtherTraining(t *testing.T) {
	for _, s := range All() {
		for want, change := range map[string]func(*Settings){
			"train.train":      func(of *Settings) { of.Run.Train.Train = supernet.All },
			"train.early_bird": func(of *Settings) { of.Run.Train.EarlyBird, of.Run.Train.RankEvery = true, 4 },
			"train.sampling":   func(of *Settings) { of.Run.Train.Sampling, of.Run.Train.Path = train.Fixed, "all3x3" },
			"search.strategy":  func(of *Settings) { of.Run.Search.Strategy = search.Pruning },
			"search.max_macs":  func(of *Settings) { of.Run.Search.MaxMACs = 1e6 },
			"search.budget":    func(of *Settings) { of.Run.Search.Budget = time.Second },
		} {
			if strings.HasPrefix(want, "search.") && s.Name != Searching {
				continue // it does not search
			}
			of, dir := tiny(s), filepath.Join(t.TempDir(), "study")
			change(&of)
			_, err := s.prepare(of, Options{Dir: dir, Truth: invented(t, of)})
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "leave it out") {
				t.Errorf("%s: %s: %v", s.Name, want, err)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Errorf("%s: %s: a refused study has a folder", s.Name, want)
			}
		}
	}
}

// ownSpace are the settings of a study of a space of the user's own, of so many layers with two operators each.
func ownSpace(t *testing.T, s Study, layers int) Settings {
	t.Helper()
	path := filepath.Join(t.TempDir(), "own.yaml")
	text := fmt.Sprintf("name: own\nimages: {height: 8, width: 8}\nclasses: 10\nactivation: relu6\nstem: {out: 8, kernel: 3, stride: 1}\n"+
		"operators: [mb3_k3, mb6_k5]\nstages:\n  - {out: 8, layers: %d, stride: 1}\nhead: 16\n", layers)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	of := tiny(s)
	net := &of.Run.Supernet
	var err error
	if net.Space, net.Chain, err = supernet.ReadSpace(path); err != nil {
		t.Fatal(err)
	}
	net.Channels, net.Cells = 0, 0
	return of
}

// TestRefusesASmallSpace: a study of a space that has few networks is refused before it computes.
func TestRefusesASmallSpace(t *testing.T) {
	for _, s := range All() {
		if s.Name == tangent.Name {
			continue // its spaces are fixed
		}
		of := ownSpace(t, s, 2)
		_, err := s.Do(t.Context(), of, Options{Dir: t.TempDir(), Truth: &Truth{Truth: &indicator.Truth{}}})
		if err == nil || !strings.Contains(err.Error(), "has 4 networks") || !strings.Contains(err.Error(), "needs 10") {
			t.Errorf("%s: error %v", s.Name, err)
		}
	}
}

// TestRefusesAShortTable: a table that lacks networks of a study is refused before it computes.
func TestRefusesAShortTable(t *testing.T) {
	for _, s := range All() {
		of := tiny(s)
		space, err := of.Run.Supernet.Lookup()
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for i := range 8 {
			rows = append(rows, space.Format(space.(supernet.Ordered).At(7000+i)))
		}
		dir := filepath.Join(t.TempDir(), "study")
		_, err = s.Do(t.Context(), of, Options{Dir: dir, Truth: tableOf(t, of, rows)})
		if err == nil || !strings.Contains(err.Error(), "some.csv") {
			t.Errorf("%s: error %v", s.Name, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: it made the folder", s.Name)
		}
	}
}

// TestCountsTheNetworks: the page says how many networks were scored, where the space has fewer than were asked for.
func TestCountsTheNetworks(t *testing.T) {
	of := ownSpace(t, placement, 4)
	of.Seeds, of.Networks = 1, 20
	page, err := os.ReadFile(do(t, placement, of, t.TempDir(), nil).Page)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "All scored the same 16 networks") {
		t.Error("the page does not say that 16 networks were scored")
	}
}
