package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"bnas.example/indicator"
	"bnas.example/internal/amount"
	"bnas.example/run"
	"bnas.example/search"
	"bnas.example/supernet"
)

func searchCommand() *cli.Command {
	settings := joined(supernetSettings, imageSettings, scoreSettings, compositeSetting, searchSettings, finalistSettings, networkSeeds, measureSeeds)
	return &cli.Command{
		Name:  "search",
		Usage: "find the architectures that the indicator ranks highest",
		Flags: append(append(append(flags(settings, computeSettings), presetFlag), workerFlags()...),
			&cli.StringSliceFlag{Name: "run", Usage: "the trained run in the folder `DIR`; can be repeated: the scores of runs of other seeds are averaged by their quantiles", DefaultText: "none: the untrained network", Category: catCommand},
			textFlag("out", "keep the scores in scores.csv of the folder `DIR`; what it has is not computed again", "the run's")),
		Description: "bnas search --run runs/fair --strategy evolution --max-macs 100M --budget 10m\n" +
			"bnas search --run runs/fair --finalists 8 --finalist-epochs 3\n" +
			"bnas train --seed 2 --out runs/other\n" +
			"bnas search --run runs/fair --run runs/other --out runs/both\n" +
			"bnas search --run runs/fair --workers 2\n" +
			"bnas search --preset te-nas --out runs/te-nas\n\n" +
			"Scores are kept in scores.csv of the run's folder (or of --out): a search that was stopped goes on from there.\n" +
			"With --finalists the best networks are then trained on their own, by the recipe of the space (bnas retrain --help), with\n" +
			"the run's division of the images: it takes as long as that many trainings, and --budget does not bound it.\n" +
			"Several runs, of one space and size, are supernets of other seeds: each keeps its own scores, and a term is the mean of\n" +
			"its quantiles in them. The result and the report are in the folder of --out.\n" +
			"With --workers N, N processes score, with the result of one.\n" +
			"The strategy pruning is that of TE-NAS: it judges networks with several operators at a place, and needs no training.\n" +
			"Without --run the network is untrained: only γ and β at their initial values are judged.",
		Action: func(c *cli.Context) error { return searchOnce(c, settings) },
	}
}

func searchOnce(c *cli.Context, settings []setting) error {
	if out := c.String("out"); isTable(out) {
		return usagef("--out %s: a search keeps its scores in a folder; name one", out)
	}
	if err := notOfAnotherRun(c); err != nil {
		return err
	}
	if _, err := crewOf(c); err != nil {
		return err
	}
	if n := len(c.StringSlice("run")); n > 1 && asksForWorkers(c) {
		return usagef("several processes score one run, and there are %d of --run: search them in one process", n)
	}
	start := time.Now()
	r, others, err := openRuns(c, settings)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, o := range others {
		defer o.Close()
	}
	prunes := r.Config.Search.Strategy == search.Pruning
	if prunes && asksForWorkers(c) {
		return usagef("--strategy %s: it works in one process; leave out the workers", search.Pruning)
	}
	if r.Dir == "" && !c.Bool("quiet") {
		slog.Warn("the network is untrained; --run DIR searches a trained one")
	}
	b, done, err := hire(c, r, c.String("out"), prunes || len(others) > 0)
	if err != nil {
		return err
	}
	defer done()
	found, err := searchFor(c, r, others, c.String("out"), b)
	if err != nil {
		return resumable(c, err)
	}
	page, dir := "", ""
	switch out := c.String("out"); {
	case len(others) > 0:
		dir = out
	case out == "": // the run's result is this search's now, and so is its report
		dir = r.Dir
	}
	if dir != "" {
		if page, err = r.ReportOver(others, dir, found, repeatingCommand(c.App, commandLine(c)), version(), time.Since(start)); err != nil {
			return err
		}
	}
	return output(c, found.Result, func(w io.Writer) {
		searchTable(c, w, r, found.Result)
		if page != "" {
			fmt.Fprintf(w, "\nreport\t%s\n", page)
		}
	})
}

// notOfAnotherRun returns an error if --out is the folder of a run that is not the one to search: the result of its own search would be lost.
func notOfAnotherRun(c *cli.Context) error {
	out, runs := c.String("out"), c.StringSlice("run")
	if out == "" || len(runs) == 1 && sameFolder(runs[0], out) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(out, run.ConfigName)); err != nil {
		return nil
	}
	return usagef("--out %s: the folder is of a run, and the result of its search would be lost; name another folder", out)
}

// sameFolder reports whether two paths are of one folder.
func sameFolder(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// openRuns opens the run of the first --run, or the untrained network, and the others with the search of the first.
func openRuns(c *cli.Context, settings []setting) (first *run.Run, others []*run.Run, err error) {
	dirs := c.StringSlice("run")
	if len(dirs) == 0 {
		dirs = []string{""}
	}
	if c.IsSet(presetFlag.Name) && dirs[0] != "" {
		return nil, nil, usagef("--preset cannot be given here: the run in %s has its own settings", dirs[0])
	}
	if len(dirs) > 1 && slices.Contains(dirs, "") {
		return nil, nil, usagef("--run \"\": several runs are trained ones; name the folder of each")
	}
	if first, err = openIn(dirs[0], run.Untrained, c, settings...); err != nil {
		return nil, nil, err
	}
	for _, dir := range dirs[1:] {
		other, err := openIn(dir, run.Untrained, c, settings...)
		if err != nil {
			first.Close()
			for _, o := range others {
				o.Close()
			}
			return nil, nil, err
		}
		others = append(others, other)
	}
	return first, others, nil
}

// isTable reports whether the name of an output is that of a CSV file.
func isTable(path string) bool { return strings.HasSuffix(strings.ToLower(path), ".csv") }

// resumable adds the command that continues to the error of an interrupted search.
func resumable(c *cli.Context, err error) error {
	if errors.Is(err, search.ErrInterrupted) || errors.Is(err, search.ErrAbandoned) {
		return interrupted{err, sameCommand(c)}
	}
	return err
}

// sameCommand is the command line of this process, for a shell.
func sameCommand(c *cli.Context) string {
	args := commandLine(c)
	return command(append([]string{"bnas"}, args[1:]...)...)
}

// meeting are the flags that say where workers of other machines come, and their secret. The result does not depend on them.
var meeting = []string{"listen", "token", "nats"}

// repeatingCommand is a command line for a report, which others may read: without the flags of meeting.
func repeatingCommand(app *cli.App, args []string) string {
	words, rest := wordsWithout(app, args, meeting)
	return command(slices.Concat([]string{"bnas"}, words, rest)...)
}

// searchFor searches and shows the progress of each phase. Only a search with a ledger saves its scores.
// Others are runs whose scores are averaged with those of the first.
func searchFor(c *cli.Context, r *run.Run, others []*run.Run, dir string, b *board) (*run.Found, error) {
	if dir != "" || r.Dir != "" {
		if err := keeping(c); err != nil {
			return nil, err
		}
	}
	var bar *progress
	end := func() {
		if bar != nil {
			bar.end()
		}
	}
	defer end()
	show := func(p run.Progress) {
		b.at(phaseName(p), p.Done, p.Total, p.Reused)
		if p.Begin {
			end()
			bar = newProgress(c, phaseName(p), max(p.Total, 1))
			bar.resumed(p.Done)
			return
		}
		bar.of(p.Total)
		bar.reused(p.Reused)
		bar.at(p.Done, stateOf(p))
	}
	if len(others) > 0 {
		return r.SearchOver(c.Context, others, dir, show)
	}
	return r.Search(c.Context, dir, show)
}

// phaseName names a phase of a search, or the finalist that it trains.
func phaseName(p run.Progress) string {
	if p.Finalists > 0 {
		return fmt.Sprintf("%s %d of %d", p.Phase, p.Finalist, p.Finalists)
	}
	return p.Phase
}

// stateOf is the state of a search in a few words.
func stateOf(p run.Progress) string {
	switch {
	case p.Step != nil:
		return fmt.Sprintf("loss %.3f, accuracy %.0f %%", p.Step.Loss, 100*p.Step.Accuracy)
	case p.Phase == run.Pruning:
		return "networks with several operators at a place"
	case p.Phase == run.Calibrating:
		return "random architectures"
	}
	var state []string
	if p.Best != nil {
		state = append(state, fmt.Sprintf("best %.3f", p.Best.Score))
	}
	if p.TooSlow > 0 {
		state = append(state, fmt.Sprintf("%d over --max-latency", p.TooSlow))
	}
	return strings.Join(state, ", ")
}

// ending says why a search ended.
func ending(r *search.Result) string {
	switch r.Stopped {
	case search.Complete:
		return "the strategy is at its end"
	case search.Exhausted:
		return "no further network within the limits was found"
	case search.Evaluated:
		return fmt.Sprintf("all %d evaluations done", r.Evaluations)
	case search.TimedOut:
		return "the time of --budget is over"
	}
	return r.Stopped
}

// objectiveText says what the score of an objective is.
func objectiveText(name string) string {
	c, err := indicator.LookupComposite(name)
	if err != nil || len(c.Terms) == 1 {
		return "the term " + name
	}
	most := 0
	if c.Linear {
		most = len(c.Terms)
	}
	return fmt.Sprintf("%s = %s, in %s of the calibration sample; at most %d", name, termsOf(c), quantilesOf(c), most)
}

func searchTable(c *cli.Context, w io.Writer, r *run.Run, found *search.Result) {
	fmt.Fprintf(w, "%s, %s: %s scored (%d from the ledger), ended: %s\n", found.Strategy, found.Objective, amount.Of(found.Evaluations, "network"), found.Reused, ending(found))
	fmt.Fprintln(w, "score: "+objectiveText(found.Objective))
	if n := len(found.Runs); n > 0 {
		fmt.Fprintf(w, "terms: the mean over %d runs of their quantiles: %s\n", n, strings.Join(found.Runs, ", "))
	}
	if found.LatencySetup != "" {
		fmt.Fprintln(w, "latency: of a forward pass on "+found.LatencySetup)
	}
	if found.TrainingSteps == 0 {
		fmt.Fprintln(w, "the network is untrained: γ and β have their initial values")
	}
	foundTable(r, found.Best).print(c, w)
	if b := found.BestOfSample; b != nil {
		fmt.Fprintf(w, "a random architecture of the calibration scores higher, %.3f: %s\n", b.Score, b.Scores.Arch)
	}
	if found.Strategy == search.TwoObjectives {
		fmt.Fprintf(w, "\nPareto front of the score and %s: each network scores higher than all that the search has proposed with as %s\n", found.Cost, map[bool]string{true: "low", false: "few"}[found.Cost == search.Latency])
		foundTable(r, found.Pareto).print(c, w)
	}
	prunedTable(w, found.Pruned)
	finalistsTable(c, w, r, found)
}

// prunedTable shows what a search by pruning has removed.
func prunedTable(w io.Writer, all []search.Pruned) {
	if len(all) > 0 {
		fmt.Fprintln(w, "\npruned: the change of the condition number and of the linear regions, relative to before, where an operator is left out")
		fmt.Fprintln(w, "ROUND\tPLACE\tOPERATOR\tCONDITION\tREGIONS")
	}
	for _, p := range all {
		fmt.Fprintf(w, "%d\t%s\t%s\t%+.3f\t%+.3f\n", p.Round, p.Place, p.Operator, p.Kappa, p.Regions)
	}
}

// foundTable is a table of found networks with their scores and costs.
func foundTable(r *run.Run, found []search.Found) *table {
	head := []string{"SCORE", "MACs", "PARAMETERS"}
	timed := slices.ContainsFunc(found, func(f search.Found) bool { return f.Latency > 0 })
	if timed {
		head = append(head, "LATENCY")
	}
	return &table{r.Net.Space, head, rows{len(found), func(i int) (supernet.Arch, []string, error) {
		f := found[i]
		score := fmt.Sprintf("%.3f", f.Score)
		if f.Scores.Dead {
			score = "dead"
		}
		cells := []string{score, count(float64(f.Cost.MACs)), count(float64(f.Cost.Params))}
		if timed {
			cells = append(cells, fmt.Sprintf("%.4g ms", f.Latency))
		}
		return f.Choice, cells, nil
	}}}
}

// finalistsTable shows the finalists, the best on the held-out images first.
func finalistsTable(c *cli.Context, w io.Writer, r *run.Run, found *search.Result) {
	if len(found.Finalists) == 0 {
		return
	}
	ranked := search.ByAccuracy(found.Finalists)
	seconds := 0.0
	for _, f := range ranked {
		seconds += f.Seconds
	}
	first := ranked[0]
	fmt.Fprintf(w, "\nfinalists: the best %d by score, each trained on its own by the recipe %s (epochs: %d), in %s together; accuracy on the %d held-out images\n",
		len(ranked), first.Recipe, first.Epochs, wall(seconds), first.Images)
	t := table{r.Net.Space, []string{"ACCURACY", "NLL", "BY SCORE", "TIME"}, rows{len(ranked), func(i int) (supernet.Arch, []string, error) {
		f := ranked[i]
		return found.Best[f.Place].Choice, []string{fmt.Sprintf("%.2f %%", 100*f.Accuracy), fmt.Sprintf("%.4f", f.NLL), fmt.Sprintf("no. %d", f.Place+1), wall(f.Seconds).String()}, nil
	}}}
	t.print(c, w)
}

// wall rounds a time for reading.
func wall(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second / 10)
}
