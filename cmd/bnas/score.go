package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/indicator"
	"bnas.example/philox"
	"bnas.example/run"
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
	r, err := openRunOr(run.Untrained, c, settings...)
	if err != nil {
		return err
	}
	defer r.Close()
	archs, err := namedArchitectures(c, r)
	if err != nil {
		return err
	}
	evaluator, err := r.Evaluator(c.String("out"))
	if err != nil {
		return err
	}
	defer evaluator.Close()
	bar := newProgress(c, "score", len(archs))
	scores, err := evaluator.ScoreAll(c.Context, archs, func(done int) { bar.at(done, r.Net.Space.Format(archs[done-1])) })
	bar.end()
	if err != nil {
		if evaluator.Path() != "" && errors.Is(err, context.Canceled) {
			err = interrupted{fmt.Errorf("scoring: %w", err), "the same command"}
		}
		return err
	}
	result := map[string]any{"scores": scores}
	if evaluator.Path() != "" {
		result["file"] = evaluator.Path()
	}
	return output(c, result, func(w io.Writer) { scoreTable(w, scores, r.Config.Score.Terms) })
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

func namedArchitectures(c *cli.Context, r *run.Run) ([]supernet.Arch, error) {
	space := r.Net.Space
	switch {
	case c.Bool("all"):
		archs := make([]supernet.Arch, space.Size())
		for i := range archs {
			archs[i] = space.At(i)
		}
		return archs, nil
	case c.IsSet("sample"):
		return sampled(space, c.Int("sample"), r.Config.Score.Seed)
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
