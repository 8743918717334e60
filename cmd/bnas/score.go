package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/indicator"
	"bnas.example/philox"
	"bnas.example/search"
	"bnas.example/supernet"
)

// ledgerFolder names where scores are kept.
var ledgerFolder = &cli.StringFlag{Name: "out", Usage: "folder whose scores.csv keeps the scores; what it has is not computed again", DefaultText: "the run's"}

func scoreCommand() *cli.Command {
	settings := joined(supernetSettings, dataSettings, scoreSettings)
	return &cli.Command{
		Name:      "score",
		Usage:     "every term of every indicator for given architectures",
		ArgsUsage: "[ARCH…]",
		Flags: append(flags(settings...), runFlag, ledgerFolder,
			&cli.BoolFlag{Name: "all", Usage: "every architecture of the space"},
			&cli.IntFlag{Name: "sample", Usage: "that many architectures, drawn uniformly"},
			&cli.StringFlag{Name: "file", Usage: "the architectures in this file, one a line", DefaultText: "none"}),
		Description: "bnas score --run runs/fair --sample 1000\n" +
			"bnas score --bn standard '|nor_conv_3x3~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|'",
		Action: func(c *cli.Context) error { return score(c, settings) },
	}
}

func score(c *cli.Context, settings []setting) error {
	if err := oneWay(c); err != nil {
		return err
	}
	s, err := openRunOrUntrained(c, true, settings...)
	if err != nil {
		return err
	}
	defer s.close()
	archs, err := namedArchitectures(c, s)
	if err != nil {
		return err
	}
	evaluator, err := s.evaluator(c.String("out"))
	if err != nil {
		return err
	}
	defer evaluator.close()
	scores, err := scoreEach(c, s.net.Space, evaluator, archs)
	if err == nil {
		err = evaluator.flush()
	}
	if err != nil {
		if evaluator.ledger != nil && errors.Is(err, context.Canceled) {
			err = interrupted{fmt.Errorf("scoring: %w", err), "the same command"}
		}
		return err
	}
	result := map[string]any{"scores": scores}
	if evaluator.ledger != nil {
		result["file"] = evaluator.path
	}
	return output(c, result, func(w io.Writer) { scoreTable(w, scores, s.cfg.Score.Terms) })
}

// oneWay wants the architectures to be named as arguments, by --all, --sample or --file: by exactly one of them.
func oneWay(c *cli.Context) error {
	ways := 0
	for _, given := range []bool{c.NArg() > 0, c.Bool("all"), c.IsSet("sample"), c.IsSet("file")} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return usagef("name the architectures in one way: as arguments, by --all, --sample N or --file F")
	}
	return nil
}

func namedArchitectures(c *cli.Context, s *session) ([]supernet.Arch, error) {
	space := s.net.Space
	switch {
	case c.Bool("all"):
		archs := make([]supernet.Arch, space.Size())
		for i := range archs {
			archs[i] = space.At(i)
		}
		return archs, nil
	case c.IsSet("sample"):
		return sampled(space, c.Int("sample"), s.cfg.Score.Seed)
	case c.IsSet("file"):
		return archFile(space, c.String("file"))
	}
	return parseArchs(space, c.Args().Slice())
}

// sampled draws n different architectures uniformly.
func sampled(space supernet.Space, n int, seed uint64) ([]supernet.Arch, error) {
	if n < 1 || n > space.Size() {
		return nil, usagef("--sample %d: %s has %d architectures", n, space.Name(), space.Size())
	}
	order := philox.New(seed, "score sample", 0).Perm(space.Size())
	archs := make([]supernet.Arch, n)
	for i := range archs {
		archs[i] = space.At(order[i])
	}
	return archs, nil
}

func archFile(space supernet.Space, path string) ([]supernet.Arch, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("architectures: %w", err)
	}
	var archs []supernet.Arch
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		a, err := space.Parse(line)
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, i+1, err)
		}
		archs = append(archs, a)
	}
	if len(archs) == 0 {
		return nil, fmt.Errorf("%s: no architectures", path)
	}
	return archs, nil
}

func scoreEach(c *cli.Context, space supernet.Space, e *evaluator, archs []supernet.Arch) ([]indicator.Scores, error) {
	bar := newProgress(c, "score", len(archs))
	defer bar.end()
	scores := make([]indicator.Scores, len(archs))
	for i, a := range archs {
		err := c.Context.Err()
		if err == nil {
			scores[i], err = e.Score(a)
		}
		if err != nil {
			return nil, err
		}
		bar.at(i+1, space.Format(a))
	}
	return scores, nil
}

// evaluator scores by the indicator's terms, and keeps the scores in a ledger if there is a folder for one.
type evaluator struct {
	search.Evaluator
	ledger *search.Ledger
	path   string
}

// evaluator opens the scorer, with the ledger of dir, or of the run's folder.
func (s *session) evaluator(dir string) (*evaluator, error) {
	scorer, err := s.scorer()
	if err != nil {
		return nil, err
	}
	if dir == "" {
		dir = s.dir
	}
	if dir == "" {
		return &evaluator{Evaluator: scorer}, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if len(s.locks) == 0 || dir != s.dir {
		if err := s.lock(dir); err != nil {
			return nil, err
		}
	}
	key, err := s.key()
	if err != nil {
		return nil, err
	}
	ledger, err := search.OpenLedger(dir, key)
	if err != nil {
		return nil, err
	}
	return &evaluator{
		Evaluator: &search.Recorded{Space: s.net.Space, Evaluator: scorer, Ledger: ledger},
		ledger:    ledger, path: filepath.Join(dir, "scores.csv"),
	}, nil
}

func (e *evaluator) flush() error {
	if e.ledger == nil {
		return nil
	}
	return e.ledger.Flush()
}

func (e *evaluator) close() {
	if e.ledger != nil {
		e.ledger.Close()
	}
}

// scoreTable prints one architecture as a column of terms, several as one line each.
func scoreTable(w io.Writer, scores []indicator.Scores, only []string) {
	names := only
	if len(names) == 0 {
		names = indicator.TermNames()
	}
	index := map[string]int{}
	for i, name := range indicator.TermNames() {
		index[name] = i
	}
	if len(scores) == 1 {
		fmt.Fprintf(w, "architecture\t%s\n", scores[0].Arch)
		for _, name := range names {
			fmt.Fprintf(w, "%s\t%.6g\n", name, scores[0].Values[index[name]])
		}
		return
	}
	fmt.Fprintf(w, "ARCHITECTURE\t%s\n", strings.Join(names, "\t"))
	for _, s := range scores {
		fmt.Fprint(w, s.Arch)
		for _, name := range names {
			fmt.Fprintf(w, "\t%.4g", s.Values[index[name]])
		}
		fmt.Fprintln(w)
	}
}
