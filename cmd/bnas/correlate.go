package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/indicator"
	"bnas.example/internal/amount"
	"bnas.example/run"
	"bnas.example/search"
	"bnas.example/supernet"
)

func correlateCommand() *cli.Command {
	return &cli.Command{
		Name:  "correlate",
		Usage: "Kendall τ-b, Spearman ρ and top-k figures of every term against a table of true accuracies",
		Flags: append(append(flags(spaceSetting, seedSetting),
			&cli.StringSliceFlag{Name: "scores", Usage: "the scores: `FILE` of bnas score, or the folder of a run or of --out; can be repeated: runs of other seeds are fused by the mean of their ranks", DefaultText: "required", Category: catCommand},
			textFlag("table", "CSV table of trained accuracies, one row an architecture: `FILE`, or - for stdin", "required"),
			&cli.StringSliceFlag{Name: "arch-column", Usage: "the table's column `NAME` has the architectures; several, repeated, are joined by |", DefaultText: "arch", Category: catCommand},
			textFlag("accuracy-column", "the table's column `NAME` has the accuracies", "test_accuracy"),
			&cli.StringSliceFlag{Name: "proxy-column", Usage: "the table's column `NAME` is a score of your own, judged beside ours; can be repeated", Category: catCommand},
			&cli.StringSliceFlag{Name: "composite", Usage: "judge this composite too: `NAME`, or terms joined by + and -, as in naswot+bn_noise-depth; can be repeated: each is compared with the first", Category: catCommand},
			intFlag("resamples", "`N` bootstrap resamples of a 95 % interval", 1000, 1, most),
			intFlag("top", "the top-k figures are of the `N` highest", 10, 1, most),
		), selectFlags()...),
		Description: "bnas score --run runs/fair --sample 1000\n" +
			"bnas correlate --scores runs/fair --table nasbench201_cifar10.csv\n" +
			"bnas correlate --scores runs/fair --table - < nasbench201_cifar10.csv\n" +
			"bnas correlate --scores runs/fair --table nasbench201_cifar10.csv --composite bnas --composite bn_corr+bn_noise-depth\n\n" +
			"The table is CSV with a header. It has the text of an architecture, in any form of text that the space reads (no name, no\n" +
			"index), and its accuracy; other columns do not matter:\n\n" +
			"  arch,test_accuracy\n" +
			"  |nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|nor_conv_1x1~2|,93.12\n" +
			"  |nor_conv_1x1~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_1x1~2|,89.40",
		Action: correlate,
	}
}

// correlated holds the figures of one subset: those of the terms, then those of the composites, calibrated on the same
// subset, then those of the user's own columns. Differences compares the composites of --composite with the first of them.
type correlated struct {
	Subset        indicator.Subset        `json:"subset"`
	Architectures int                     `json:"architectures"`
	Terms         []indicator.Correlation `json:"terms"`
	Differences   []indicator.Difference  `json:"differences,omitempty"`
}

// scored describes the scores. A folder has those of the setup that was used last; the scores of others are kept beside it.
type scored struct {
	File          string     `json:"file"`
	Architectures int        `json:"architectures"`
	Repeats       int        `json:"repeats"`
	Setup         *run.Setup `json:"setup"`        // null: the file does not say it
	Others        []string   `json:"other_setups"` // folders with the scores of other setups
}

type correlateResult struct {
	Scores   []string             `json:"scores"` // several: fused by the mean of their ranks
	Scored   []scored             `json:"scored"`
	Table    string               `json:"table"`
	Missing  int                  `json:"missing"` // scored, but not in the table
	Skipped  int                  `json:"skipped"` // rows of the table without an accuracy
	Partial  []indicator.Partial  `json:"partial,omitempty"`
	Subsets  []correlated         `json:"subsets"`
	Selected *indicator.Selection `json:"selected,omitempty"`
	// Composites that were judged. One with terms of cost is followed by its parts without them and of them alone.
	Composites []indicator.Composite `json:"composites"`
	// Reliability of the terms over the live architectures, if they were scored in repeats.
	Reliability []indicator.Reliability `json:"reliability,omitempty"`
}

func correlate(c *cli.Context) error {
	cfg, err := configOf(c, spaceSetting...)
	if err != nil {
		return err
	}
	if err := needs(c, "scores", "table"); err != nil {
		return err
	}
	if err := checkSelect(c); err != nil {
		return err
	}
	own, err := ownComposites(c)
	if err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // the scores stay in memory: the default would double it
	r := correlateResult{Scores: c.StringSlice("scores"), Table: c.String("table")}
	runs, err := r.readScores(cfg.Supernet)
	if err != nil {
		return err
	}
	scores, err := indicator.MeanRanks(runs)
	if err != nil {
		return fmt.Errorf("--scores %s: %w", strings.Join(r.Scores, " --scores "), err)
	}
	space, err := cfg.Supernet.Lookup()
	if err != nil {
		return usageError{err}
	}
	table, err := readTruth(c, space)
	if err != nil {
		return err
	}
	if scores.Len() < 3 {
		return fmt.Errorf("%s: %s; a correlation needs at least 3", strings.Join(r.Scores, ", "), amount.Of(scores.Len(), "architecture"))
	}
	r.Skipped = table.Skipped
	found, accuracy, missing := indicator.Join(scores, table)
	if r.Missing = missing; found.Len() < 3 {
		return fmt.Errorf("only %d of the %d architectures in %s are in %s, which has %d: give a table of %s that has more of them, or other scores%s",
			found.Len(), scores.Len(), r.Scored[0].File, r.Table, table.Len(), cfg.Supernet.Space, r.Scored[0].elsewhere())
	}
	if err := checkProxies(r.Table, table, found); err != nil {
		return err
	}
	r.Partial = r.partials(runs, found)
	runs = nil // their memory is free
	if len(table.Proxies) == 0 {
		table = &indicator.Truth{} // it has done its work, and is as large as the scores' texts
	}
	bar := newProgress(c, correlatePhase, len(indicator.Subsets()))
	defer bar.end()
	judging := indicator.Judging{Resamples: c.Int("resamples"), Seed: cfg.Seed, Top: []int{c.Int("top")}, Begin: bar.doing}
	r.Subsets, err = judgeSubsets(found, accuracy, bar.resumed, func(scores indicator.ScoreSet, accuracy []float64) (correlated, error) {
		return r.judge(judging, table, scores, accuracy, own)
	})
	if err != nil {
		return err
	}
	bar.doing("reliability")
	r.Reliability = indicator.Reliabilities(found)
	bar.doing("selection")
	if r.Selected, err = selection(c, indicator.SelectionSet{Name: strings.Join(r.Scores, ", "), Scores: found, Accuracy: accuracy, Weight: 1}, cfg.Seed); err != nil {
		return err
	}
	bar.end()
	return output(c, r, r.text)
}

// checkProxies returns an error if a column of the user's own has no value for any scored architecture.
func checkProxies(path string, table *indicator.Truth, scores indicator.ScoreSet) error {
	for _, column := range slices.Sorted(maps.Keys(table.Proxies)) {
		some := false
		for i := 0; i < scores.Len() && !some; i++ {
			some = !math.IsNaN(table.Proxy(column, scores.Arch(i), scores.Canonical(i)))
		}
		if !some {
			return fmt.Errorf("%s: column %q has no value for any of the %d scored architectures; fill it, or leave out --proxy-column %s", inputName(path), column, scores.Len(), quote(column))
		}
	}
	return nil
}

// ownComposites returns the composites of --composite. One without a name has its number, by which the tables name it.
func ownComposites(c *cli.Context) ([]indicator.Composite, error) {
	var own []indicator.Composite
	for i, text := range c.StringSlice("composite") {
		composite, err := indicator.LookupComposite(text)
		if err != nil {
			return nil, usageError{err}
		}
		if len(composite.Terms) > 1 && !slices.ContainsFunc(indicator.Composites(), func(c indicator.Composite) bool { return c.Name == composite.Name }) {
			composite.Name = strconv.Itoa(i + 1)
		}
		if slices.ContainsFunc(own, func(c indicator.Composite) bool { return flagText(c) == flagText(composite) }) {
			return nil, usagef("--composite %s: is given twice", flagText(composite))
		}
		own = append(own, composite)
	}
	return own, nil
}

// judged returns the composites to judge: those of the user's own, and the named ones that the scores cover. One with terms of cost
// is followed by its parts without them and of them alone.
func judged(scores indicator.ScoreSet, own []indicator.Composite) ([]indicator.Composite, error) {
	all := slices.Clone(own)
	for _, composite := range own {
		if err := scores.Covers(composite); err != nil {
			return nil, fmt.Errorf("--composite %s: %w; score with --terms %s", flagText(composite), err, strings.Join(composite.Terms, ","))
		}
	}
	for _, named := range indicator.Composites() {
		known := slices.ContainsFunc(own, func(c indicator.Composite) bool { return c.Name == named.Name })
		if !known && scores.Covers(named) == nil {
			all = append(all, named)
		}
	}
	var parts []indicator.Composite
	for _, composite := range all {
		parts = append(parts, composite)
		if others, cost := composite.Without(indicator.Size); len(others.Terms) > 0 && len(cost.Terms) > 0 {
			parts = append(parts, others, cost)
		}
	}
	return parts, nil
}

// judgeSubsets judges each subset. One that is as large as the one before it is the same one, and has its figures: many spaces have no
// dead architecture, and the figures of hundreds of thousands of architectures take long. done is told how many subsets are judged.
func judgeSubsets(scores indicator.ScoreSet, accuracy []float64, done func(int), judge func(indicator.ScoreSet, []float64) (correlated, error)) ([]correlated, error) {
	var all []correlated
	for _, subset := range indicator.Subsets() {
		some, truth, err := subset.Of(scores, accuracy)
		if err != nil {
			return nil, err
		}
		var one correlated
		if n := len(all); n > 0 && all[n-1].Architectures == some.Len() {
			one = all[n-1]
		} else if one, err = judge(some, truth); err != nil {
			return nil, err
		}
		one.Subset = subset
		all = append(all, one)
		done(len(all))
	}
	return all, nil
}

// judge judges the terms and the composites over some architectures.
func (r *correlateResult) judge(judging indicator.Judging, table *indicator.Truth, scores indicator.ScoreSet, accuracy []float64, own []indicator.Composite) (one correlated, err error) {
	one = correlated{Architectures: scores.Len(), Terms: judging.Terms(scores, accuracy)}
	if err := scores.SomeLive(); err != nil {
		return one, err
	}
	if r.Composites, err = judged(scores, own); err != nil {
		return one, err
	}
	fused, err := judging.Composites(r.Composites, scores, accuracy)
	for i := range fused {
		fused[i].Name = compositePrefix + fused[i].Name
	}
	one.Terms = append(one.Terms, fused...)
	for _, p := range judging.Proxies(table, scores, accuracy) {
		p.Name = "proxy " + p.Name
		one.Terms = append(one.Terms, p)
	}
	if err == nil && len(own) > 1 {
		one.Differences, err = judging.Differences(own, scores, accuracy)
	}
	return one, err
}

// readScores reads the scores of all runs.
func (r *correlateResult) readScores(net supernet.Config) (runs []indicator.ScoreSet, err error) {
	for _, path := range r.Scores {
		of, scores, err := readScores(path, net)
		if err != nil {
			return nil, err
		}
		r.Scored, runs = append(r.Scored, of), append(runs, scores)
	}
	return runs, nil
}

// partials returns the terms that some of the judged architectures lack, in each run.
func (r *correlateResult) partials(runs []indicator.ScoreSet, judged indicator.ScoreSet) (all []indicator.Partial) {
	if len(runs) == 1 {
		return indicator.Partials(judged)
	}
	for i, one := range runs {
		for _, p := range indicator.Partials(one.Among(judged)) {
			p.Scores = r.Scored[i].File
			all = append(all, p)
		}
	}
	return all
}

// readScores reads a score file. It returns an error if the scores are those of another space.
func readScores(path string, net supernet.Config) (of scored, scores indicator.ScoreSet, err error) {
	space, err := net.Lookup()
	if err != nil {
		return of, scores, usageError{err}
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, search.ScoresName)
	}
	f, err := os.Open(path)
	if err != nil {
		return of, scores, fmt.Errorf("scores: %w", err)
	}
	defer f.Close()
	of = scored{File: path, Others: []string{}}
	if err := of.look(); err != nil {
		return of, scores, err
	}
	if err := of.in(net); err != nil {
		return of, scores, err
	}
	scores, err = indicator.ReadScoresIn(space, f, path)
	if err != nil {
		return of, scores, err
	}
	of.Architectures, of.Repeats = scores.Len(), max(scores.Repeats(), 1)
	return of, scores, nil
}

// in returns an error if the scores say that they are of another space, whose architectures may have the same texts.
func (s *scored) in(net supernet.Config) error {
	if s.Setup == nil || s.Setup.Space == net.Space {
		return nil
	}
	name := s.Setup.Space
	if _, err := supernet.Lookup(name); err != nil {
		name = "and the file of " + name // a user's own
	}
	return fmt.Errorf("%s: the scores are of the space %s, and not of %s: add --space %s", s.File, s.Setup.Space, net.Space, name)
}

// look finds the setup of the scores and, if the file is that of a folder of scores, those of other setups. What has the name of a setup
// beside another file may be something else.
func (s *scored) look() (err error) {
	s.Setup, err = run.ReadSetup(s.File)
	dir, name := filepath.Split(s.File)
	if name != search.ScoresName {
		return nil
	}
	if err != nil {
		return err
	}
	others, err := search.Kept(filepath.Clean(dir))
	s.Others = append(s.Others, others...)
	return err
}

// elsewhere says where other scores are, as the end of a sentence; "" if none are known.
func (s *scored) elsewhere() string {
	if len(s.Others) == 0 {
		return ""
	}
	return ": --scores " + quote(s.Others[0]) + " has those of another setup" + andMore(len(s.Others)-1)
}

func andMore(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d more are beside it", n)
}

func (s *scored) text(w io.Writer) {
	fmt.Fprintf(w, "scores\t%s: %d architectures, repeats %d\n", s.File, s.Architectures, s.Repeats)
	if s.Setup != nil {
		fmt.Fprintf(w, "setup\t%s\n", s.Setup)
		for i, made := range s.Setup.Made {
			fmt.Fprintf(w, "%s\t%s\n", []string{"made by", ""}[min(i, 1)], made)
		}
	}
	if len(s.Others) > 0 {
		fmt.Fprintf(w, "other setups\t--scores %s%s\n", quote(s.Others[0]), andMore(len(s.Others)-1))
	}
}

func readTruth(c *cli.Context, space supernet.Space) (*indicator.Truth, error) {
	f, err := openInput(c.String("table"))
	if err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	defer f.Close()
	return indicator.ReadTruth(f, inputName(c.String("table")), indicator.TruthColumns{
		Read: indicator.InSpace(space), Arch: c.StringSlice("arch-column"), Accuracy: c.String("accuracy-column"), Proxies: c.StringSlice("proxy-column"),
	})
}

func (r correlateResult) text(w io.Writer) {
	for _, of := range r.Scored {
		of.text(w)
	}
	fmt.Fprintln(w)
	if len(r.Scored) > 1 {
		fmt.Fprintf(w, "terms: the mean of the ranks in %d runs, over the architectures that all have\n", len(r.Scored))
	}
	fmt.Fprintln(w, "τ-b, ρ: how well the order by a term agrees with the order by accuracy, −1…1; the interval is of τ-b")
	fmt.Fprintln(w, "pick: the accuracy of the architecture that the term puts first; top-k: the mean and the best accuracy of the k that it puts")
	fmt.Fprintln(w, "first, how many of them are among the k best, and nDCG: 1 if they are the k best in order")
	fmt.Fprintln(w)
	for _, s := range r.Subsets {
		fmt.Fprintf(w, "%s: %s, %s\n", s.Subset, amount.Of(s.Architectures, "architecture"), meaning[s.Subset])
		fmt.Fprintf(w, "term\tτ-b\t95 %% interval\tρ\tpick\ttop-k mean\tbest of top-k\thits\tnDCG\n")
		for _, t := range s.Terms {
			if t.N < s.Architectures {
				t.Name += fmt.Sprintf(" (of %d)", t.N)
			}
			correlationRow(w, t)
		}
		equalText(w, s.Terms)
		differencesText(w, s.Differences)
		fmt.Fprintln(w)
	}
	r.compositesText(w)
	reliabilityText(w, r.Reliability)
	for _, p := range r.Partial {
		in := ""
		if p.Scores != "" {
			in = " in " + p.Scores
		}
		fmt.Fprintf(w, "%s is left out: only %d of %d live architectures have it%s; score the others with it too\n", p.Name, p.N, p.Of, in)
	}
	if r.Missing > 0 {
		fmt.Fprintf(w, "not in the table: %s\n", amount.Of(r.Missing, "scored architecture"))
	}
	if r.Skipped > 0 {
		fmt.Fprintf(w, "without an accuracy: %s of the table\n", amount.Of(r.Skipped, "row"))
	}
	selectionText(w, r.Selected)
}

// meaning says what the table of a subset is over.
var meaning = map[indicator.Subset]string{
	indicator.All:      "every one in the table, dead ones too",
	indicator.Live:     "those with a path from the input to the output",
	indicator.Distinct: "one for each live network; the accuracy is the mean of those that are the same network",
}

const compositePrefix = "composite "

// compositesText says what the composites in the tables are.
func (r correlateResult) compositesText(w io.Writer) {
	for _, c := range r.Composites {
		fmt.Fprintf(w, "%s%s: %s, in %s of the same architectures\n", compositePrefix, c.Name, termsOf(c), quantilesOf(c))
	}
	if len(r.Composites) > 0 {
		fmt.Fprintln(w)
	}
}

// differencesText compares the composites of --composite.
func differencesText(w io.Writer, all []indicator.Difference) {
	for _, d := range all {
		fmt.Fprintf(w, "%s%s − %s\t%s\t%s … %s\n", compositePrefix, d.Name, d.From, signed(d.Tau), signed(d.Interval.Low), signed(d.Interval.High))
	}
}

// signed formats τ-b, a difference of two, or a figure of a study. It is undefined where all values are equal.
func signed(v float64) string {
	if math.IsNaN(v) {
		return "undefined"
	}
	return fmt.Sprintf("%+.3f", v)
}

// reliabilityText shows whether more repeats are worth it.
func reliabilityText(w io.Writer, all []indicator.Reliability) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(w, "repeats: are more of them worth their time?")
	fmt.Fprintln(w, "spread: the noise of one repeat, relative to the deviation over architectures; reliability: the share of a term's")
	fmt.Fprintln(w, "variance over architectures that is not noise, and an estimate of it for twice the repeats")
	fmt.Fprintln(w, "term\tspread\treliability\twith twice the repeats")
	for _, r := range all {
		fmt.Fprintf(w, "%s\t%.3f\t%.3f\t%.3f\n", r.Term, r.Spread, r.Reliability, r.Doubled)
	}
	fmt.Fprintln(w)
}

// equalText names the terms that do not tell most architectures apart, such as a count that is at its limit.
func equalText(w io.Writer, all []indicator.Correlation) {
	for _, t := range all {
		if 2*t.Equal > t.N && !math.IsNaN(t.Tau) {
			fmt.Fprintf(w, "%s has one value in %d of %d\n", t.Name, t.Equal, t.N)
		}
	}
}

func correlationRow(w io.Writer, t indicator.Correlation) {
	if math.IsNaN(t.Tau) {
		fmt.Fprintf(w, "%s\tundefined: all values are equal\t\t", t.Name)
	} else {
		fmt.Fprintf(w, "%s\t%+.3f\t%+.3f … %+.3f\t%+.3f", t.Name, t.Tau, t.Interval.Low, t.Interval.High, t.Rho)
	}
	for _, top := range t.Top {
		fmt.Fprintf(w, "\t%.2f\t%.2f of %d\t%.2f\t%d\t%.3f", top.Pick, top.Mean, top.K, top.Best, top.Hits, top.NDCG)
	}
	fmt.Fprintln(w)
}
