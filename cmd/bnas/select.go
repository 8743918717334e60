package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

	"bnas.example/indicator"
	"bnas.example/internal/amount"
	ranges "bnas.example/internal/setting"
	"bnas.example/run"
	"bnas.example/supernet"
)

// selectFlags are the flags of a selection.
func selectFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "select", Usage: "choose a composite on random halves of the live networks and report it on the other halves", Category: catCommand},
		textFlag("select-with", "choose on these scores and tables too, of other spaces or data sets: a YAML `FILE`, see docs/files.md", "none"),
		intFlag("select-terms", "a chosen composite has at most `N` terms", 8, 3, 64),
		intFlag("splits", "choose on `N` random halves", 10, 1, 1000),
	}
}

// selectionFile lists further sets of a selection.
type selectionFile struct {
	Sets []selectionEntry `yaml:"sets"`
}

type selectionEntry struct {
	Space          string   `yaml:"space"`
	Scores         string   `yaml:"scores"`
	Table          string   `yaml:"table"`
	ArchColumns    []string `yaml:"arch_columns"`
	AccuracyColumn string   `yaml:"accuracy_column"`
	Weight         float64  `yaml:"weight" range:"(0,inf)"`
}

// UnmarshalYAML gives an entry without a weight the weight 1.
func (e *selectionEntry) UnmarshalYAML(n *yaml.Node) error {
	type plain selectionEntry
	p := plain{Weight: 1}
	err := n.Decode(&p)
	*e = selectionEntry(p)
	return err
}

// otherSets reads the sets of --select-with.
func otherSets(c *cli.Context) ([]indicator.SelectionSet, error) {
	path := c.String("select-with")
	if path == "" {
		return nil, nil
	}
	text, err := ranges.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--select-with: %w", err)
	}
	entries, err := selectionEntries(text)
	if err != nil {
		return nil, &run.FileError{Path: path, Err: err}
	}
	var sets []indicator.SelectionSet
	for i, e := range entries {
		set, err := e.read()
		if err != nil {
			return nil, fmt.Errorf("--select-with %s: set %d: %w", path, i+1, err)
		}
		sets = append(sets, set)
	}
	return sets, nil
}

// selectionEntries reads the text of a selectionFile.
func selectionEntries(text []byte) ([]selectionEntry, error) {
	root, err := ranges.Document(text)
	if err != nil {
		return nil, err
	}
	var f selectionFile
	if root != nil {
		err = ranges.Decode(root, &f)
	}
	if err != nil {
		return nil, err
	}
	if len(f.Sets) == 0 {
		return nil, errors.New("no sets: give sets: and under it a list of space, scores and table")
	}
	for i := range f.Sets {
		e := f.Sets[i]
		errs := ranges.Ranges(fmt.Sprintf("sets[%d]", i), e)
		for _, must := range []struct{ name, value string }{{"space", e.Space}, {"scores", e.Scores}, {"table", e.Table}} {
			errs.Check(must.value != "", fmt.Sprintf("sets[%d].%s", i, must.name), "is missing")
		}
		if err := errs.Or(); err != nil {
			return nil, err
		}
	}
	return f.Sets, nil
}

// read reads the scores and the table of a set.
func (e selectionEntry) read() (indicator.SelectionSet, error) {
	net := supernet.Config{Space: e.Space}
	if err := ownSpace(&net); err != nil {
		return indicator.SelectionSet{}, err
	}
	_, scores, err := readScores(e.Scores, net)
	if err != nil {
		return indicator.SelectionSet{}, err
	}
	space, err := net.Lookup()
	if err != nil {
		return indicator.SelectionSet{}, err
	}
	f, err := os.Open(e.Table)
	if err != nil {
		return indicator.SelectionSet{}, fmt.Errorf("table: %w", err)
	}
	defer f.Close()
	table, err := indicator.ReadTruth(f, e.Table, indicator.TruthColumns{Read: indicator.InSpace(space), Arch: e.ArchColumns, Accuracy: e.AccuracyColumn})
	if err != nil {
		return indicator.SelectionSet{}, err
	}
	set := indicator.SelectionSet{Name: e.Scores, Weight: e.Weight}
	if set.Scores, set.Accuracy, _ = indicator.Join(scores, table); set.Scores.Len() < 3 {
		return indicator.SelectionSet{}, fmt.Errorf("only %d of the architectures in %s are in %s", set.Scores.Len(), e.Scores, e.Table)
	}
	return set, nil
}

// checkSelect returns an error if a flag of a selection is there without --select.
func checkSelect(c *cli.Context) error {
	for _, flag := range []string{"select-with", "select-terms", "splits"} {
		if onCommandLine(c, flag) && !c.Bool("select") {
			return usagef("--%s has an effect only with --select", flag)
		}
	}
	return nil
}

// selection chooses a composite, if --select is given.
func selection(c *cli.Context, first indicator.SelectionSet, seed uint64) (*indicator.Selection, error) {
	if !c.Bool("select") {
		return nil, nil
	}
	others, err := otherSets(c)
	if err != nil {
		return nil, err
	}
	settings := indicator.Selecting{MaxTerms: c.Int("select-terms"), Splits: c.Int("splits"), Seed: seed}
	chosen, err := settings.Select("selected", append([]indicator.SelectionSet{first}, others...))
	return &chosen, err
}

// selectionText says what was chosen, and what such choices are worth on networks that they were not chosen on.
func selectionText(w io.Writer, s *indicator.Selection) {
	if s == nil {
		return
	}
	fmt.Fprintf(w, "selected: %s\n", termsOf(s.Composite))
	fmt.Fprintf(w, "chosen on all live networks of these sets among %d composites; the mean of τ-b there is %+.3f\n", s.Tried, s.Tau)
	fmt.Fprintf(w, "the same choice on %d random halves, judged on the other halves:\n", len(s.Splits))
	fmt.Fprintln(w, "set\tnetworks\tτ-b, chosen half\tτ-b, other half\tdeviation over halves")
	for _, set := range s.Sets {
		deviation := "–"
		if set.Deviation != nil {
			deviation = fmt.Sprintf("%.3f", *set.Deviation)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", set.Name, set.Networks, signed(set.Train), signed(set.Test), deviation)
	}
	fmt.Fprintf(w, "chosen in how many of the halves: %s\n", strings.Join(timesChosen(s.Splits), ", "))
	for _, set := range s.Sets {
		if set.Networks < indicator.FewNetworks {
			fmt.Fprintf(w, "%s has %s: fewer than %d say little of networks outside of them\n", set.Name, amount.Of(set.Networks, "network"), indicator.FewNetworks)
		}
	}
}

// timesChosen lists the terms that splits chose, those of most splits first: "naswot 10".
func timesChosen(splits []indicator.Split) []string {
	times := map[string]int{}
	for _, one := range splits {
		for _, term := range one.Composite.Terms {
			times[term]++
		}
	}
	names := slices.SortedStableFunc(maps.Keys(times), func(a, b string) int {
		if times[a] != times[b] {
			return times[b] - times[a]
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, times[name])
	}
	return names
}
