package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/internal/amount"
	"bnas.example/run"
	"bnas.example/search"
	"bnas.example/supernet"
	"bnas.example/train"
)

// retrainSettings are the settings that decide what a retraining is, and keptSettings.
func retrainSettings() []setting {
	return joined(supernetSettings, imageSettings, augmentSettings, lengthSettings, optimizerSettings, networkSettings, keptSettings, recipeSetting, networkSeeds)
}

func retrainCommand() *cli.Command {
	settings := retrainSettings()
	resume := *resumeFlag
	resume.Usage = "go on in the folder `DIR` of a retraining"
	return &cli.Command{
		Name:      "retrain",
		Usage:     "train networks on their own, all weights, by the recipe of the space's benchmark",
		ArgsUsage: "[ARCH…]",
		Flags: append(flags(settings, computeSettings), outFlag, &resume,
			textFlag("from", "the best networks of the search in the run `DIR`, with its space, sizes and images", "none"),
			optionalInt("top", "with --from, the best `N` (none: 1)", 1, most),
			textFlag("index", "the networks with the indices `I-J,K,…` in the order of the space", "none"),
			textFlag("file", "the architectures in `FILE`, one a line; - is stdin", "none")),
		Description: "bnas retrain all3x3 mixed --recipe nas-bench-201-12 --data cifar10 --data-dir ~/cifar-10-batches-bin --out runs/own\n" +
			"bnas retrain --resume runs/own\n" +
			"bnas export --run runs/own/1 -o own.py\n\n" +
			"Network i is a run in the folder DIR/i. Each starts from the weights of --seed, keeps running statistics as PyTorch\n" +
			"does, and is tested after each epoch. DIR/retrained.csv has the networks that are done, with their test accuracy:\n" +
			"a table for bnas correlate. The recipe sets the flags of training; a flag that is given overrides it. The placement\n" +
			"of BatchNorm is the authors', unless --bn is given.\n\n" + recipeHelp() + archHelp,
		Action: func(c *cli.Context) error { return retrain(c, settings) },
	}
}

// recipeHelp lists the recipes.
func recipeHelp() string {
	var b strings.Builder
	b.WriteString("Recipes:\n")
	for _, name := range run.Recipes() {
		r, err := run.LookupRecipe(name)
		if err != nil {
			panic(err) // it is in the list
		}
		fmt.Fprintf(&b, "  %s: %s\n", r.Name, r.Source)
		if r.LeftOut != "" {
			fmt.Fprintf(&b, "    left out: %s\n", r.LeftOut)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// retrainResult is the result of a retraining.
type retrainResult struct {
	Dir      string          `json:"dir"`
	Recipe   string          `json:"recipe"`
	LeftOut  string          `json:"left_out,omitempty"`
	Table    string          `json:"table"`
	Networks []run.Retrained `json:"networks"`
}

func retrain(c *cli.Context, settings []setting) error {
	series, first, err := openRetraining(c, settings)
	if err != nil {
		return err
	}
	defer func() {
		if first != nil { // the training has not begun
			first.Close()
		}
	}()
	result := retrainResult{Dir: series.Dir, Recipe: series.Config.Recipe, Table: filepath.Join(series.Dir, run.RetrainedTableName)}
	recipe, err := run.LookupRecipe(series.Config.Recipe)
	if err != nil {
		return err
	}
	result.LeftOut = recipe.LeftOut
	if recipe.LeftOut != "" && !c.Bool("quiet") {
		slog.Warn("the recipe is not whole", "recipe", recipe.Name, "left out", recipe.LeftOut)
	}
	if err := keeping(c); err != nil {
		return err
	}
	ctx, cancel := c.Context, context.CancelFunc(func() {})
	if limit := series.Config.Train.MaxTime; limit > 0 {
		ctx, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	b := boardIn(series.Dir, nil)
	defer b.end()
	untested := 0
	var without error // of the first network that cannot be tested
	for i := range series.Archs {
		one, err := retrainOne(ctx, c, series, i+1, first, b)
		first = nil // retrainOne has closed it
		if errors.Is(err, train.ErrInterrupted) && c.Context.Err() == nil {
			err = train.ErrBudget
		}
		if errors.Is(err, train.ErrInterrupted) || errors.Is(err, train.ErrBudget) {
			return interrupted{err, command("bnas", "retrain", "--resume", series.Dir)}
		}
		if failed := new(train.UntestableError); errors.As(err, &failed) && len(series.Archs) > 1 { // the others do not wait for it
			if untested++; without == nil {
				without = err
			}
			if !c.Bool("quiet") {
				slog.Warn("a network cannot be tested and has no result; the others go on", "network", series.Archs[i], "error", err)
			}
			continue
		}
		if err != nil {
			return err
		}
		result.Networks = append(result.Networks, one)
	}
	if without != nil {
		without = fmt.Errorf("%d of %s cannot be tested; the first: %w", untested, amount.Of(len(series.Archs), "network"), without)
		if len(result.Networks) == 0 {
			return without
		}
	}
	return cmp.Or(output(c, result, func(w io.Writer) { result.text(c, w, series.Config.Supernet) }), without)
}

func (r retrainResult) text(c *cli.Context, w io.Writer, cfg supernet.Config) {
	space, err := cfg.Lookup()
	if err != nil {
		return // the networks were trained in it
	}
	var archs []supernet.Arch
	var rows [][]string
	for _, n := range r.Networks {
		a, err := space.Parse(n.Arch)
		if err != nil {
			continue
		}
		test := []string{"-", "-", "-"}
		if n.Test != nil {
			test = []string{fmt.Sprintf("%.2f %%", 100*n.Test.Accuracy), fmt.Sprintf("%.2f %%", 100*n.Test.BestAccuracy), strconv.Itoa(n.Test.BestEpoch)}
		}
		archs, rows = append(archs, a), append(rows, append(test, strconv.Itoa(n.Epochs), count(float64(n.Params))))
	}
	t := table{space, []string{"TEST", "BEST", "AT EPOCH", "EPOCHS", "PARAMS"}, rowsOf(archs, func(i int) []string { return slices.Clone(rows[i]) })}
	t.print(c, w)
	fmt.Fprintf(w, "\ntable\t%s\n", r.Table)
	fmt.Fprintf(w, "next\t%s\n", command("bnas", "export", "--run", filepath.Join(r.Dir, "1"), "-o", "network.py"))
}

// openRetraining makes the folder of --out and its first network, or opens that of --resume.
func openRetraining(c *cli.Context, settings []setting) (*run.Retraining, *run.Run, error) {
	if dir := c.String("resume"); dir != "" {
		return resumedRetraining(c, dir, settings)
	}
	ways := 0
	for _, given := range []bool{c.NArg() > 0, c.IsSet("from"), c.IsSet("index"), c.IsSet("file")} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return nil, nil, usagef("name the architectures in one way: as arguments, by --from DIR, --index I-J or --file F; or go on with --resume DIR")
	}
	if onCommandLine(c, "top") && !c.IsSet("from") {
		return nil, nil, usagef("--top has an effect only with --from")
	}
	cfg, archs, err := retrainConfig(c, settings)
	if err != nil {
		return nil, nil, err
	}
	return run.CreateRetraining(newFolder(c), cfg, archs, options(c))
}

// ofRetraining reports whether a flag of bnas retrain is of a new folder: one that is continued has its own.
func ofRetraining(flag string) bool {
	switch flag {
	case "out", "from", "top", "index", "file", "seed":
		return true
	case "max-time", "checkpoint-every", "data-dir":
		return false
	}
	return slices.ContainsFunc(retrainSettings(), func(s setting) bool { return s.flag == flag })
}

// resumedRetraining opens a folder to go on. Only settings that do not change a result can be given.
func resumedRetraining(c *cli.Context, dir string, settings []setting) (*run.Retraining, *run.Run, error) {
	for _, flag := range c.Command.Flags {
		if name := flag.Names()[0]; ofRetraining(name) && c.IsSet(name) {
			return nil, nil, usagef("--%s cannot be given with --resume: the retraining in %s has its own", name, dir)
		}
	}
	if c.NArg() > 0 {
		return nil, nil, usagef("--resume takes no architectures: the retraining in %s has its own", dir)
	}
	series, err := run.OpenRetraining(dir)
	if err != nil {
		return nil, nil, err
	}
	if series.Config, err = resolve(c, series.Config, joined(settings, computeSettings)); err != nil {
		return nil, nil, err
	}
	return series, nil, nil
}

// retrainConfig returns the settings of the recipe, changed by the file of --config and the flags, with the path of the first
// network, and the texts of all.
func retrainConfig(c *cli.Context, settings []setting) (run.Config, []string, error) {
	base := run.Default()
	if dir := c.String("from"); dir != "" {
		from, err := run.ReadConfig(dir)
		if err != nil {
			return base, nil, err
		}
		base = run.Alone(from)
	}
	named, err := asked(c, base)
	if err != nil {
		return base, nil, err
	}
	space, err := named.Supernet.Lookup()
	if err != nil {
		return base, nil, err
	}
	archs, err := toRetrain(c, space)
	if err != nil {
		return base, nil, err
	}
	texts, err := liveTexts(c, space, archs)
	if err != nil {
		return base, nil, err
	}
	recipe := run.RecipeOf(space.Name())
	if named.Recipe != "" {
		if recipe, err = run.LookupRecipe(named.Recipe); err != nil {
			return base, nil, err
		}
	}
	recipe.Apply(&base)
	base.Train.Path = texts[0]
	cfg, err := resolve(c, base, joined(settings, computeSettings))
	return reseeded(c, cfg), texts, err
}

// liveTexts returns the texts of architectures. One that is there twice is an error. A dead one is an error; of a range of
// indices it is left out, with a warning.
func liveTexts(c *cli.Context, space supernet.Space, archs []supernet.Arch) ([]string, error) {
	var texts []string
	known := make(map[string]bool, len(archs))
	dead := 0
	for _, a := range archs {
		text := space.Format(a)
		switch {
		case known[text]:
			return nil, usagef("%q is given twice: one training is enough", text)
		case space.Alive(a):
			texts, known[text] = append(texts, text), true
		case c.IsSet("index") && len(archs) > 1:
			dead++
		default:
			return nil, usagef("%q: no path leads from its input to its output; there is nothing to train", text)
		}
	}
	if len(texts) == 0 {
		return nil, usagef("--index %q: no network of these has a path from its input to its output", c.String("index"))
	}
	if dead > 0 && !c.Bool("quiet") {
		slog.Warn("networks without a path from input to output are left out", "networks", dead)
	}
	return texts, nil
}

// asked returns the space and the recipe of the file of --config and the flags, before anything else is read.
func asked(c *cli.Context, base run.Config) (run.Config, error) {
	if err := applyFile(c, &base); err != nil {
		return base, err
	}
	if c.IsSet("space") {
		base.Supernet.Space = c.String("space")
	}
	if c.IsSet("recipe") {
		base.Recipe = c.String("recipe")
	}
	return base, ownSpace(&base.Supernet)
}

// toRetrain returns the architectures of the command line.
func toRetrain(c *cli.Context, space supernet.Space) ([]supernet.Arch, error) {
	switch {
	case c.IsSet("from"):
		return found(space, c.String("from"), max(c.Int("top"), 1))
	case c.IsSet("index"):
		return ofIndices(space, c.String("index"))
	case c.IsSet("file"):
		return archFile(space, c.String("file"))
	}
	return parseArchs(space, c.Args().Slice())
}

// found returns the best architectures of the search in a run folder: the finalists by accuracy, then the others by score.
func found(space supernet.Space, dir string, top int) ([]supernet.Arch, error) {
	path := filepath.Join(dir, run.ResultName)
	result, err := run.ReadResult(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no %s; %s makes it", dir, run.ResultName, command("bnas", "search", "--run", dir))
	}
	if err != nil {
		return nil, err
	}
	if top > len(result.Best) {
		return nil, usagef("--top %d: %s has the best %d; bnas search --top %d keeps more", top, path, len(result.Best), top)
	}
	for i, f := range search.ByAccuracy(result.Finalists[:min(len(result.Finalists), len(result.Best))]) { // they are the first of the best
		result.Best[i].Arch = f.Arch
	}
	var archs []supernet.Arch
	for _, b := range result.Best[:top] {
		a, err := space.Parse(b.Arch)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", path, cut(b.Arch, 120), err)
		}
		archs = append(archs, a)
	}
	return archs, nil
}

// ofIndices reads a list of indices and ranges of them, 1-100,205.
func ofIndices(space supernet.Space, text string) ([]supernet.Arch, error) {
	ordered, ok := space.(supernet.Ordered)
	if !ok {
		return nil, usagef("--index: the architectures of %s have no indices", space.Name())
	}
	var archs []supernet.Arch
	for part := range strings.SplitSeq(text, ",") {
		low, high, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			high = low
		}
		from, err := strconv.Atoi(low)
		if err != nil {
			return nil, usagef("--index %q: %q is no index and no range I-J", cut(text, 120), cut(part, 120))
		}
		to, err := strconv.Atoi(high)
		if err != nil || to < from {
			return nil, usagef("--index %q: %q is no index and no range I-J", cut(text, 120), cut(part, 120))
		}
		if from < 0 || to >= ordered.Size() {
			return nil, usagef("--index %q: %s has the architectures 0…%d", cut(text, 120), space.Name(), ordered.Size()-1)
		}
		for i := from; i <= to; i++ {
			archs = append(archs, ordered.At(i))
		}
	}
	return archs, nil
}

// retrainOne trains a network to the end, or reads its result if it is done. r is its run, or nil.
func retrainOne(ctx context.Context, c *cli.Context, s *run.Retraining, i int, r *run.Run, b *board) (run.Retrained, error) {
	if r == nil {
		done, err := s.Result(i)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return done, err
		}
		if r, err = s.Open(i, options(c)); err != nil {
			return done, err
		}
	}
	defer r.Close()
	var bar *progress
	phase := fmt.Sprintf("retrain %d of %d", i, len(s.Archs))
	_, err := r.Train(ctx, func(p train.Progress) {
		b.at(phase, p.Step, p.Total, 0)
		if bar == nil { // the start
			bar = newProgress(c, phase, p.Total)
			bar.resumed(p.Step)
			return
		}
		bar.at(p.Step, fmt.Sprintf("loss %.3f, accuracy %.0f %%", p.Loss, 100*p.Accuracy))
	})
	if bar != nil {
		bar.end()
	}
	if err != nil {
		return run.Retrained{}, err
	}
	return s.Finish(i, r)
}
