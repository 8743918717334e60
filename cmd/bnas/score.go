package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"

	"github.com/urfave/cli/v2"

	"bnas.example/indicator"
	"bnas.example/internal/amount"
	"bnas.example/philox"
	"bnas.example/run"
	"bnas.example/search"
	"bnas.example/supernet"
)

func scoreCommand() *cli.Command {
	settings := joined(supernetSettings, imageSettings, scoreSettings, networkSeeds, measureSeeds)
	return &cli.Command{
		Name:      "score",
		Usage:     "the terms of the indicator for given architectures",
		ArgsUsage: "[ARCH…]",
		Flags: append(append(flags(settings, computeSettings), workerFlags()...), runFlag,
			textFlag("out", "a folder `DIR` whose scores.csv keeps the scores, or a file FILE.csv to write", "the run's"),
			&cli.BoolFlag{Name: "all", Usage: "every architecture of the space", Category: catCommand},
			optionalInt("sample", "`N` architectures, drawn uniformly", 1, most),
			textFlag("file", "the architectures in `FILE`, one a line; - is stdin", "none"),
			textFlag("columns", "the table has the terms `A,B,…`", "all that are computed"),
			textFlag("sort", "sort by the term `NAME`, the highest first", "as given"),
			optionalInt("top", "show the first `N` only", 1, most)),
		Description: "bnas score --run runs/fair --sample 1000\n" +
			"bnas score --run runs/fair --sample 1000 --out scores.csv --sort bn_corr --top 10 --columns bn_corr,macs\n" +
			"bnas score --terms all --bn standard '|nor_conv_3x3~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|'\n\n" +
			"Without --terms it computes the terms of the search's composite, and those that cost nothing beside them. With\n" +
			"--terms ours it computes every term but the baselines, with --terms baselines these, with --terms all both: bnas\n" +
			"correlate judges the terms that the scores have.\n\n" +
			"With --run or --out DIR a folder keeps the scores: what it has is not computed again, and an interrupted command\n" +
			"goes on. --out FILE.csv writes the scores of this command to that file at the end, and where they come\n" +
			"from to FILE.json.\n\n" +
			"With --repeats N a term is the mean over N repeats, and takes N times as long. The files then have the standard\n" +
			"deviation over the repeats too; bnas correlate shows whether more repeats are worth their time." + archHelp,
		Action: func(c *cli.Context) error { return score(c, settings) },
	}
}

func score(c *cli.Context, settings []setting) error {
	if err := oneWay(c); err != nil {
		return err
	}
	view, err := viewOf(c)
	if err != nil {
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
	ledger, file := scoreOutput(c.String("out"))
	if err := vacant(file); err != nil {
		return err
	}
	b, done, err := hire(c, r, ledger, false)
	if err != nil {
		return err
	}
	defer done()
	scores, path, err := scoreAll(c, r, archs, ledger, &view, b)
	if err != nil {
		return err
	}
	defer scores.close()
	if file != "" {
		path = file
		if err := scores.save(file, max(int(r.Config.Score.Repeats), 1)); err != nil {
			return fmt.Errorf("writing %s: %w", file, err)
		}
	}
	shown, err := view.choose(scores)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return scoreJSON(c.App.Writer, path, scores, shown)
	}
	return outputText(c.App.Writer, func(w io.Writer) error {
		return scoreTable(c, w, r.Net.Space, scores, shown, view.columns)
	})
}

// scoreOutput divides the values of --out: the folder of a ledger, or a file to write.
func scoreOutput(out string) (ledger, file string) {
	if info, err := os.Stat(out); isTable(out) && (err != nil || !info.IsDir()) {
		return "", out
	}
	return out, ""
}

// vacant returns an error if a file to write, or its provenance, cannot be written, or would take the place of something else. "" is no file.
func vacant(file string) error {
	if file == "" {
		return nil
	}
	if err := notKept(file); err != nil {
		return err
	}
	if err := canWrite(file); err != nil {
		return err
	}
	if setup, err := run.ReadSetup(file); setup != nil && err == nil {
		return nil
	}
	path := search.ProvenancePath(file)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return usagef("--out %s: %s, which would say where the scores come from, is something else; move it away, or name another file", file, path)
}

// scoreAll scores the architectures and returns the path of the ledger, if there is one. It fits the view to the terms.
func scoreAll(c *cli.Context, r *run.Run, archs *supernet.List, ledger string, v *view, b *board) (all scoredList, path string, err error) {
	if ledger != "" || r.Dir != "" {
		if err := keeping(c); err != nil {
			return all, "", err
		}
	}
	evaluator, err := r.Evaluator(ledger)
	if err != nil {
		return all, "", err
	}
	if err := v.fit(evaluator.Terms); err != nil {
		evaluator.Close()
		return all, "", err
	}
	if all, err = newScoredList(r, archs, evaluator); err != nil {
		all.close()
		return all, "", err
	}
	bar := newProgress(c, "score", archs.Len())
	err = evaluator.ScoreAll(c.Context, archs, func(i int, s indicator.Scores) error {
		err := all.add(s)
		bar.reused(evaluator.Reused())
		bar.at(i+1, "")
		b.at("score", i+1, archs.Len(), evaluator.Reused())
		return err
	})
	bar.end()
	if errors.Is(err, context.Canceled) && evaluator.Path() != "" {
		err = errors.Join(interrupted{errors.New("scoring was interrupted; the scores so far are in " + evaluator.Path()), sameCommand(c)}, evaluator.Flush())
	}
	if err != nil {
		all.close()
	}
	return all, evaluator.Path(), err
}

// oneWay returns an error unless exactly one of arguments, --all, --sample and --file names the architectures.
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

func namedArchitectures(c *cli.Context, r *run.Run) (*supernet.List, error) {
	space := r.Net.Space
	archs := supernet.NewList(space)
	switch {
	case c.Bool("all"):
		ordered, ok := space.(supernet.Ordered)
		if !ok {
			return nil, usagef("--all: %s has %v architectures; draw some with --sample N", space.Name(), space.Count())
		}
		for i := range ordered.Size() {
			archs.Append(ordered.At(i))
		}
		return archs, nil
	case c.IsSet("sample"):
		return sampled(space, c.Int("sample"), r.Config.Score.Seed)
	case c.IsSet("file"):
		return archs, eachArch(space, c.String("file"), archs.Append)
	}
	given, err := parseArchs(space, c.Args().Slice())
	for _, a := range given {
		archs.Append(a)
	}
	return archs, err
}

// sampled draws n different architectures uniformly.
func sampled(space supernet.Space, n int, seed uint64) (*supernet.List, error) {
	if err := enough(space, n); err != nil {
		return nil, err
	}
	r := philox.New(seed, "score sample", 0)
	if ordered, ok := space.(supernet.Ordered); ok {
		archs := supernet.NewList(space)
		for _, i := range r.Perm(ordered.Size())[:n] {
			archs.Append(ordered.At(i))
		}
		return archs, nil
	}
	drawn := supernet.NewSet(space, space.Format)
	for drawn.Len() < n {
		drawn.Add(supernet.Random(space, r))
	}
	return drawn.List, nil
}

// mostSampled is the largest sample of a space without an order, in which most draws are new.
const mostSampled = 1 << 19

// enough returns an error if n different architectures cannot be drawn from a space.
func enough(space supernet.Space, n int) error {
	if space.Count().Cmp(big.NewInt(int64(n))) < 0 {
		return usagef("--sample %d: %s has %s", n, space.Name(), amount.Of(space.Count(), "architecture"))
	}
	if _, ordered := space.(supernet.Ordered); !ordered && n > mostSampled {
		return usagef("--sample %d: at most %d can be drawn from %s", n, mostSampled, space.Name())
	}
	return nil
}
