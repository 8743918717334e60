package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"bnas.example/run"
	"bnas.example/search"
)

func searchCommand() *cli.Command {
	settings := joined(supernetSettings, dataSettings, scoreSettings, compositeSetting, searchSettings)
	return &cli.Command{
		Name:  "search",
		Usage: "find the architectures that the indicator ranks highest",
		Flags: append(flags(settings...), runFlag, ledgerFolder),
		Description: "bnas search --run runs/fair --strategy evolution --max-macs 100000000 --budget 10m\n\n" +
			"Scores are kept in scores.csv of the run's folder (or of --out): a search that was stopped goes on from there.",
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usagef("search takes no arguments, got %q", c.Args().First())
			}
			r, err := openRunOr(run.Untrained, c, settings...)
			if err != nil {
				return err
			}
			defer r.Close()
			found, err := searchFor(c, r, c.String("out"))
			if err != nil {
				return resumable(c, err)
			}
			return output(c, found.Result, func(w io.Writer) { searchTable(w, found.Result) })
		},
	}
}

// resumable adds to the error of an interrupted search the command that goes on.
func resumable(c *cli.Context, err error) error {
	if errors.Is(err, search.ErrInterrupted) {
		return interrupted{err, fmt.Sprintf("the same bnas %s command", c.Command.Name)}
	}
	return err
}

// searchFor searches and shows how far each phase of it has come.
func searchFor(c *cli.Context, r *run.Run, dir string) (*run.Found, error) {
	var bar *progress
	end := func() {
		if bar != nil {
			bar.end()
		}
	}
	defer end()
	return r.Search(c.Context, dir, func(p run.Progress) {
		if p.Done == 0 {
			end()
			bar = newProgress(c, p.Phase, max(p.Total, 1))
			return
		}
		note := "random architectures"
		if p.Best != nil {
			note = fmt.Sprintf("best %.3f %s", p.Best.Score, p.Best.Scores.Arch)
		}
		bar.of(p.Total)
		bar.at(p.Done, note)
	})
}

func searchTable(w io.Writer, r *search.Result) {
	fmt.Fprintf(w, "%s, %s: %d networks scored (%d from the ledger), ended: %s\n", r.Strategy, r.Objective, r.Evaluations, r.Reused, r.Stopped)
	fmt.Fprintln(w, "SCORE\tMMACs\tPARAMETERS\tARCHITECTURE")
	for _, f := range r.Best {
		fmt.Fprintf(w, "%.3f\t%.1f\t%d\t%s\n", f.Score, float64(f.Cost.MACs)/1e6, f.Cost.Params, f.Scores.Arch)
	}
}
