package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"bnas.example/indicator"
	"bnas.example/internal/setting"
	"bnas.example/internal/wholefile"
	"bnas.example/run"
	"bnas.example/search"
	"bnas.example/supernet"
	"bnas.example/train"
)

// Searching is the name of the study that can have finalists.
const Searching = "search"

// searching compares what searches by several objectives find.
var searching = Study{
	Name: Searching,
	Claim: "A search by the indicator finds better networks than a random pick, a count of operations, and published indicators do, " +
		"with as many networks scored.",
	QuickCells: 1,
	QuickTime:  "2 minutes", FullTime: "20 hours",
	NeedsTable: true,
	Base:       searchingBase,
	Cells:      searchingCells,
	Show:       showSearching,
}

func searchingBase(quick bool) Settings {
	s := Settings{Run: run.Default(), Quick: quick, Seeds: 20, Networks: 1000}
	s.Run.Train.RankEvery, s.Run.Train.Epochs = 0, 2
	if quick {
		s.Seeds, s.Networks = 2, 100
		s.Run.Train.Steps = 300
		s.Run.Score.Images = 32
		s.Run.Objective.Calibration = 30
		c := &s.Run.Search
		c.Population, c.Parents, c.Mutants, c.Crossovers = 20, 5, 8, 8
	}
	return s
}

// firstTen is how many of a search's best networks are looked at.
const firstTen = 10

// counting is an objective that counts what the logits depend on.
const counting = "live_macs"

// finalistsName names the networks that the search by an objective finds with finalists.
func finalistsName(objective string) string { return objective + ", finalists" }

// randomPick names the networks that are drawn without a search.
const randomPick = "random pick"

// randomSearchName names the networks that an objective puts first among random ones, as many as its search scores.
func randomSearchName(objective string) string { return objective + ", random search" }

// objectives lists the composites whose searches are compared. The first is that of the settings.
func objectives(s Settings) ([]string, error) {
	names := []string{s.Run.Objective.Composite, "quick", gammaSum, "az-nas", "meco", nearBaseline, "zico", "nwot", "synflow", "params", counting}
	wide, err := hasWideLayer(s.Run.Supernet)
	if wide && s.Run.Objective.Composite != nearBaseline {
		names = slices.DeleteFunc(names, func(name string) bool { return name == nearBaseline })
	}
	return unique(names), err
}

func searchingCell(seed uint64) string { return fmt.Sprintf("seed-%d", seed) }

// checkSearch returns an error if the searches would not be what the page says: evolutions without a limit of cost or time.
func checkSearch(c search.Config) error {
	const remedy = "the study searches by evolution, without limits, as random networks have none; leave it out"
	for _, of := range []struct {
		name  string
		value any
		set   bool
	}{
		{"strategy", c.Strategy, c.WithDefaults().Strategy != search.Evolution},
		{"objectives", c.Objectives, len(c.Objectives) > 0},
		{"max_macs", c.MaxMACs, c.MaxMACs > 0}, {"max_params", c.MaxParams, c.MaxParams > 0}, {"max_latency", c.MaxLatency, c.MaxLatency > 0},
		{"budget", c.Budget, c.Budget > 0},
	} {
		if of.set {
			return setting.Errorf("search."+of.name, "%v: %s", of.value, remedy)
		}
	}
	return nil
}

func searchingCells(s Settings) ([]Cell, error) {
	if err := checkSearch(s.Run.Search); err != nil {
		return nil, err
	}
	names, err := objectives(s)
	if err != nil {
		return nil, err
	}
	var terms []string
	for _, name := range names {
		composite, err := indicator.LookupComposite(name)
		if err != nil {
			return nil, err
		}
		terms = append(terms, composite.Terms...)
	}
	var cells []Cell
	for _, seed := range s.seeds() {
		cfg := s.Run
		cfg.SetSeed(seed)
		cfg.Score.Terms = unique(terms)
		cfg.Search.MaxEvaluations, cfg.Search.Top = s.Networks, firstTen
		cells = append(cells, Cell{Name: searchingCell(seed), Run: cfg, With: map[string]any{"objectives": names}, Compute: computeSearching(names)})
	}
	return cells, nil
}

// searched is what the search by one objective has found.
type searched struct {
	Objective string         `json:"objective"`
	Found     []foundNetwork `json:"found"` // best first, at most firstTen
	// Scored counts the networks that were scored: Evaluations of the search, and those that calibrate the objective alone.
	Scored      int     `json:"scored"`
	Evaluations int     `json:"evaluations"`
	Seconds     float64 `json:"seconds"` // of scoring the Scored
	// Within is what the search finds in the seconds of the first objective's; empty: they end while it calibrates.
	Within            []foundNetwork `json:"within"`
	WithinEvaluations int            `json:"within_evaluations"`
}

// foundNetwork is an architecture that a search has found.
type foundNetwork struct {
	Arch   string `json:"arch"`
	MACs   int64  `json:"macs"`
	Params int64  `json:"params"`
}

// supernetSearched is the result of a cell.
type supernetSearched struct {
	Net             supernet.Config `json:"net"`
	Steps           int             `json:"steps"`
	TrainingSeconds float64         `json:"training_seconds"` // at the median speed of a step
	Random          []foundNetwork  `json:"random"`           // in the order of drawing
	Searches        []searched      `json:"searches"`
	RandomSearch    []foundNetwork  `json:"random_search"` // what the first objective puts first among random networks
	// Finalists are the networks of the first objective, in the order of the finalists' accuracy on held-out images; empty: none were
	// trained. FinalistSeconds is the time of their training.
	Finalists       []foundNetwork `json:"finalists,omitempty"`
	FinalistSeconds float64        `json:"finalist_seconds,omitempty"`
}

func computeSearching(objectives []string) func(context.Context, *Site) (any, error) {
	return func(ctx context.Context, s *Site) (any, error) {
		r, err := s.Trained(ctx, nil)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		out := supernetSearched{Net: r.Net.Config, Steps: r.Position.Step}
		speed, err := imagesPerSecond(filepath.Join(r.Dir, train.MetricsName))
		if err != nil {
			return nil, err
		}
		out.TrainingSeconds = float64(out.Steps) * float64(r.Config.Train.Batch) / speed
		for _, a := range (drawn{firstTen, r.Config.Seed}).of(r.Net) {
			out.Random = append(out.Random, networkOf(r.Net, a))
		}
		for i, name := range objectives {
			of, err := s.search(ctx, r, name, i, len(objectives))
			if err != nil {
				return nil, err
			}
			out.Searches = append(out.Searches, of)
		}
		if out.RandomSearch, err = s.randomSearch(ctx, r, objectives[0]); err != nil {
			return nil, err
		}
		if s.Run.Finalists.Number > 0 {
			if err := s.trainFinalists(ctx, r, objectives[0], &out); err != nil {
				return nil, err
			}
		}
		for i := range out.Searches {
			if err := s.searchWithin(ctx, r, &out.Searches[i], out.Searches[0].Seconds); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
}

func networkOf(net *supernet.Net, a supernet.Arch) foundNetwork {
	cost := net.Space.Cost(a, net.Config)
	return foundNetwork{net.Space.Format(a), cost.MACs, cost.Params}
}

// foundName is the file of a search that is complete. It keeps the time, which a search from the ledger would not know.
const foundName = "found.json"

// search searches by one objective, number at of several, with a ledger in a folder of its own.
func (s *Site) search(ctx context.Context, r *run.Run, objective string, at, of int) (out searched, err error) {
	dir := filepath.Join(s.Dir, objective)
	path := filepath.Join(dir, foundName)
	text, err := wholefile.Read(path)
	if err == nil {
		if err = json.Unmarshal(text, &out); err != nil {
			err = fmt.Errorf("%s: %w; remove this file to search again", path, err)
		}
		return out, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return out, err
	}
	before, err := rowsIn(dir, r)
	if err != nil {
		return out, err
	}
	var start time.Time
	result, err := s.by(ctx, r, dir, objective, r.Config.Search.MaxEvaluations, run.Finalists{}, func(p run.Progress) {
		if start.IsZero() {
			start = time.Now()
		}
		if p.Phase == run.Searching && p.Done > 0 {
			s.report(run.Searching, at*p.Total+p.Done, of*p.Total, objective)
		}
	})
	if err != nil {
		return out, err
	}
	elapsed := time.Since(start).Seconds()
	if out.Scored, err = rowsIn(dir, r); err != nil {
		return out, err
	}
	out.Objective, out.Evaluations = objective, result.Evaluations
	out.Seconds = elapsed * float64(out.Scored) / float64(max(out.Scored-before, 1)) // those of an interrupted search took as long
	out.Found = networksFound(r, result)
	return out, wholefile.WriteJSON(path, out)
}

// randomSearch scores random networks by an objective, as many as its search scores.
func (s *Site) randomSearch(ctx context.Context, r *run.Run, objective string) ([]foundNetwork, error) {
	kept := r.Config.Search.Strategy
	defer func() { r.Config.Search.Strategy = kept }()
	r.Config.Search.Strategy = "random"
	dir := filepath.Join(s.Dir, objective+"-random")
	result, err := s.by(ctx, r, dir, objective, r.Config.Search.MaxEvaluations, run.Finalists{}, func(p run.Progress) {
		if p.Phase == run.Searching {
			s.report(randomSearchName(objective), p.Done, p.Total, "")
		}
	})
	if err != nil {
		return nil, err
	}
	return networksFound(r, result), nil
}

// trainFinalists repeats the search by an objective from its ledger, and lets finalists decide.
func (s *Site) trainFinalists(ctx context.Context, r *run.Run, objective string, out *supernetSearched) error {
	result, err := s.by(ctx, r, filepath.Join(s.Dir, objective), objective, r.Config.Search.MaxEvaluations, s.Run.Finalists, func(p run.Progress) {
		if p.Phase == run.Finals {
			s.report(fmt.Sprintf("%s %d", run.Finals, p.Finalist), p.Done, p.Total, objective)
		}
	})
	if err != nil {
		return err
	}
	for _, f := range result.Ranked()[:min(firstTen, len(result.Best))] {
		out.Finalists = append(out.Finalists, networkOf(r.Net, f.Choice))
	}
	for _, f := range result.Finalists {
		out.FinalistSeconds += f.Seconds
	}
	return nil
}

// searchWithin repeats a search from its ledger, and goes on with it, up to as many networks as it scores in a number of seconds.
func (s *Site) searchWithin(ctx context.Context, r *run.Run, of *searched, seconds float64) error {
	n := int(seconds/of.Seconds*float64(of.Scored)) - (of.Scored - of.Evaluations)
	switch {
	case n < 1:
		return nil
	case n == of.Evaluations:
		of.Within, of.WithinEvaluations = of.Found, of.Evaluations
		return nil
	}
	result, err := s.by(ctx, r, filepath.Join(s.Dir, of.Objective), of.Objective, n, run.Finalists{}, func(p run.Progress) {
		if p.Phase == run.Searching {
			s.report("equal time "+of.Objective, p.Done, p.Total, "")
		}
	})
	if err != nil {
		return err
	}
	of.Within, of.WithinEvaluations = networksFound(r, result), result.Evaluations
	return nil
}

// by searches by an objective up to a number of evaluations, with finalists, and keeps its ledger in a folder.
func (s *Site) by(ctx context.Context, r *run.Run, dir, objective string, evaluations int, finalists run.Finalists, progress func(run.Progress)) (*search.Result, error) {
	composite, err := indicator.LookupComposite(objective)
	if err != nil {
		return nil, err
	}
	kept := r.Config
	defer func() { r.Config = kept }()
	r.Config.Objective.Composite, r.Config.Score.Terms = objective, composite.Terms
	r.Config.Finalists = finalists
	c := &r.Config.Search
	c.MaxEvaluations, c.Generations = evaluations, (evaluations+c.Population-1)/c.Population
	found, err := r.Search(ctx, dir, progress)
	if err != nil {
		return nil, err
	}
	return found.Result, nil
}

func networksFound(r *run.Run, result *search.Result) (all []foundNetwork) {
	for _, f := range result.Best {
		all = append(all, networkOf(r.Net, f.Choice))
	}
	return all
}

// rowsIn counts the networks in the ledger of a folder; 0 without one.
func rowsIn(dir string, r *run.Run) (int, error) {
	path := filepath.Join(dir, search.ScoresName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	f, err := indicator.OpenScores(path, int(r.Config.Score.Repeats))
	if err != nil {
		return 0, err
	}
	return f.Len(), f.Close()
}

// searchingData is what tables and page are made of.
type searchingData struct {
	*Results
	names []string // of the objectives, of the first with finalists if there are any, of its random search, and randomPick
	cells []supernetSearched
	best  float64 // of the table
	// accuracies of the networks found, by name, for each seed, best first; those of equal time too.
	found, within map[string][][]float64
}

func readSearching(r *Results) (*searchingData, error) {
	names, err := objectives(r.Settings)
	if err != nil {
		return nil, err
	}
	first := names[0]
	if r.Run.Finalists.Number > 0 {
		names = append(names, finalistsName(names[0]))
	}
	d := &searchingData{
		Results: r, names: append(names, randomSearchName(first), randomPick), best: slices.Max(r.Truth.Accuracy),
		found: map[string][][]float64{}, within: map[string][][]float64{},
	}
	for _, seed := range r.seeds() {
		c, err := Result[supernetSearched](r, searchingCell(seed))
		if err != nil {
			return nil, err
		}
		d.cells = append(d.cells, c)
		add := func(to map[string][][]float64, name string, networks []foundNetwork) {
			if err != nil {
				return
			}
			var accuracies []float64
			accuracies, err = r.accuraciesOf(c.Net, networks)
			to[name] = append(to[name], accuracies)
		}
		for _, name := range d.names {
			add(d.found, name, c.networks(name))
		}
		for _, of := range c.Searches {
			add(d.within, of.Objective, of.Within)
		}
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}

// networks returns what is shown under a name.
func (c supernetSearched) networks(name string) []foundNetwork {
	first := c.Searches[0].Objective
	switch name {
	case randomPick:
		return c.Random
	case randomSearchName(first):
		return c.RandomSearch
	case finalistsName(first):
		return c.Finalists
	}
	at := slices.IndexFunc(c.Searches, func(of searched) bool { return of.Objective == name })
	return c.Searches[at].Found
}

// accuraciesOf returns the accuracy of each network in the table.
func (r *Results) accuraciesOf(net supernet.Config, networks []foundNetwork) ([]float64, error) {
	var texts []string
	for _, n := range networks {
		texts = append(texts, n.Arch)
	}
	space, archs, err := networksOf(net, texts)
	if err != nil {
		return nil, err
	}
	return r.Truth.accuracies(space, archs)
}
