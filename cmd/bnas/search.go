package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"bnas.example/indicator"
	"bnas.example/internal/wholefile"
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
			s, err := openRunOrUntrained(c, true, settings...)
			if err != nil {
				return err
			}
			defer s.close()
			found, err := s.search(c, c.String("out"))
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

// searched is a search's result with all that was scored for it.
type searched struct {
	*search.Result
	objective search.Objective
	scored    []indicator.Scores // everything in the ledger, or the calibration sample alone
}

// search calibrates the composite, searches, and writes result.json to the ledger's folder if there is one.
func (s *session) search(c *cli.Context, dir string) (*searched, error) {
	composite, err := indicator.LookupComposite(s.cfg.Objective.Composite)
	if err != nil {
		return nil, usageError{err}
	}
	e, err := s.evaluator(dir)
	if err != nil {
		return nil, err
	}
	defer e.close()
	out := &searched{}
	if out.objective, err = s.calibrate(c, e, composite, out); err != nil {
		return nil, err
	}
	bar := newProgress(c, "search", max(s.cfg.Search.MaxEvaluations, 1))
	problem := search.Problem{Space: s.net.Space, Sizes: s.net.Config, Evaluator: e.Evaluator, Objective: out.objective}
	out.Result, err = search.Run(c.Context, problem, s.cfg.Search, func(p search.Progress) {
		bar.of(p.Total)
		bar.at(p.Evaluations, fmt.Sprintf("best %.3f %s", p.Best.Score, p.Best.Scores.Arch))
	})
	bar.end()
	if err != nil {
		return nil, err
	}
	if e.ledger == nil {
		return out, nil
	}
	out.scored = slices.Clone(e.ledger.All())
	text, err := json.MarshalIndent(out.Result, "", "  ")
	if err != nil {
		return nil, err
	}
	return out, wholefile.Write(filepath.Join(filepath.Dir(e.path), resultFile), append(text, '\n'))
}

// calibrate scores the sample that a composite of several terms is calibrated by.
func (s *session) calibrate(c *cli.Context, e *evaluator, composite indicator.Composite, out *searched) (search.Objective, error) {
	if len(composite.Terms) == 1 {
		return search.Fused(composite, nil)
	}
	n := s.cfg.Objective.Calibration
	bar := newProgress(c, "calibrate", n)
	defer bar.end()
	sample, err := search.Sample(c.Context, s.net.Space, e.Evaluator, n, s.cfg.Search.Seed, func(done, _ int) {
		bar.at(done, "random architectures")
	})
	if err != nil {
		return search.Objective{}, err
	}
	out.scored = sample
	calibration, err := indicator.NewCalibration(sample)
	if err != nil {
		return search.Objective{}, err
	}
	return search.Fused(composite, calibration)
}

func searchTable(w io.Writer, r *search.Result) {
	fmt.Fprintf(w, "%s, %s: %d networks scored (%d from the ledger), ended: %s\n", r.Strategy, r.Objective, r.Evaluations, r.Reused, r.Stopped)
	fmt.Fprintln(w, "SCORE\tMMACs\tPARAMETERS\tARCHITECTURE")
	for _, f := range r.Best {
		fmt.Fprintf(w, "%.3f\t%.1f\t%d\t%s\n", f.Score, float64(f.Cost.MACs)/1e6, f.Cost.Params, f.Scores.Arch)
	}
}
