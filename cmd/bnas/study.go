package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/indicator"
	"bnas.example/internal/amount"
	"bnas.example/study"
)

func studyCommand() *cli.Command {
	// What a study compares is no flag: it sets the placement of BatchNorm itself.
	sizes := slices.DeleteFunc(slices.Clone(costSettings), func(s setting) bool { return s.flag == "bn" || s.flag == "classes" })
	measured := slices.DeleteFunc(slices.Clone(measureSettings), func(s setting) bool { return s.flag == "terms" })
	settings := joined(sizes, imageSettings, augmentSettings, lengthSettings, optimizerSettings, measured, compositeSetting, finalistSettings)
	return &cli.Command{
		Name:      "study",
		Usage:     "show a claim about BN-only search: compute what it takes, tables, one page",
		ArgsUsage: "[NAME]",
		Flags: append(flags(settings, computeSettings),
			&cli.BoolFlag{Name: "quick", Usage: "small supernets, short training, few networks", Category: catCommand},
			countFlag("seeds", "repeat each cell with `N` seeds: that of --seed and the next ones", 1, 64),
			countFlag("networks", "score `N` random networks", 10, most),
			textFlag("out", "the folder `DIR` of the study; what it has is not computed again", "studies/ and the name"),
			textFlag("table", "CSV table of trained accuracies, one row an architecture: `FILE`; adds the comparisons with the true best", "none"),
			workersFlag("compute cells in `N` processes of this machine, several at a time"),
			gpusFlag,
			textFlag("cell", "compute the cell `NAME` alone, without tables and page", "all cells"),
			&cli.StringSliceFlag{Name: "arch-column", Usage: "the table's column `NAME` has the architectures; several, repeated, are joined by |", DefaultText: "arch", Category: catCommand},
			textFlag("accuracy-column", "the table's column `NAME` has the accuracies", "test_accuracy"),
		),
		Description: "bnas study list\n" +
			"bnas study fairness --quick\n" +
			"bnas study fairness --quick --out studies/fair --table nasbench201_cifar10.csv\n" +
			"bnas study fairness --quick --workers 2\n\n" +
			"Without a name it lists the studies. The defaults of training, scoring, seeds and networks are those of the study, not\n" +
			"those below.\n\n" +
			"A study is divided into cells. Each keeps its result in the folder: the same command again goes on after an\n" +
			"interruption, and computes nothing if all is there. Other settings need another folder; more seeds do not.\n" +
			"With --workers N, N processes compute cells, with the tables of one.",
		Action: func(c *cli.Context) error { return studyOnce(c, settings) },
	}
}

// countFlag is an intFlag whose default depends on the study.
func countFlag(name, usage string, low, high int) *wholeFlag {
	f := optionalInt(name, usage, low, high)
	f.DefaultText = "that of the study"
	return f
}

func studyOnce(c *cli.Context, settings []setting) error {
	if c.NArg() > 1 {
		return usagef("bnas study takes one argument, the name of a study; got %d", c.NArg())
	}
	if name := c.Args().First(); name == "" || name == "list" {
		if err := onlyOutput(c); err != nil {
			return err
		}
		return listStudies(c)
	}
	s, err := study.Lookup(c.Args().First())
	if err != nil {
		return usageError{err}
	}
	if onCommandLine(c, "finalists") && s.Name != study.Searching {
		return usagef("--finalists has an effect only in bnas study %s", study.Searching)
	}
	of, err := studySettings(c, s, settings)
	if err != nil {
		return err
	}
	o := study.Options{Dir: c.String("out"), Run: options(c), Command: sameCommand(c), Version: identity()}
	if o.Dir == "" {
		o.Dir = filepath.Join("studies", s.Name)
		if of.Quick {
			o.Dir += "-quick"
		}
	}
	if o.Truth, err = studyTruth(c, of); err != nil {
		return err
	}
	if c.String("cell") != "" {
		return studyCell(c, s, of, o)
	}
	if o.Workers, err = cellWorkers(c, of); err != nil {
		return err
	}
	if err := keeping(c); err != nil {
		return err
	}
	summary, err := doStudy(c, s, of, o)
	if err != nil {
		return studyError(c, err)
	}
	return output(c, summary, func(w io.Writer) { studyText(w, summary) })
}

// onlyOutput returns an error if the command line has a flag that the list of the studies does not need.
func onlyOutput(c *cli.Context) error {
	for _, flag := range c.LocalFlagNames() {
		if onCommandLine(c, flag) && !slices.ContainsFunc(outputFlags(), func(f cli.Flag) bool { return slices.Contains(f.Names(), flag) }) {
			return usagef("--%s has no effect on the list of the studies; name a study: bnas study NAME --%s", flag, flag)
		}
	}
	return nil
}

// studyError words an error of a study for the command line.
func studyError(c *cli.Context, err error) error {
	var other *study.OtherSettingsError
	var none *study.NoCellError
	switch {
	case errors.Is(err, study.ErrInterrupted):
		return interrupted{err, sameCommand(c)}
	case errors.Is(err, study.ErrNoTable):
		return usageError{fmt.Errorf("%w; give it with --table", err)}
	case errors.As(err, &none):
		return usageError{err}
	case errors.As(err, &other):
		if flag, ok := settingOf(other.Setting); ok && hasFlag(c.Command, flag.flag) {
			other.Setting = "--" + flag.flag
		}
		return usageError{reword(err, other, other.Error()+"; name another folder with --out")}
	}
	return err
}

// studySettings are those of the study, changed by the flags.
func studySettings(c *cli.Context, s study.Study, settings []setting) (study.Settings, error) {
	of := s.Base(c.Bool("quick"))
	cfg, err := resolve(c, of.Run, joined(settings, computeSettings))
	if err != nil {
		return of, err
	}
	own := of.Run.Finalists
	if of.Run = reseeded(c, cfg); s.Name != study.Searching {
		of.Run.Finalists = own // those of a variable have no effect
	}
	if c.IsSet("seeds") {
		of.Seeds = c.Int("seeds")
	}
	if c.IsSet("networks") {
		of.Networks = c.Int("networks")
	}
	return of, nil
}

// studyTruth reads the table of --table; nil without one.
func studyTruth(c *cli.Context, of study.Settings) (*study.Truth, error) {
	path := c.String("table")
	if path == "" {
		for _, flag := range []string{"arch-column", "accuracy-column"} {
			if onCommandLine(c, flag) {
				return nil, usagef("--%s has an effect only with --table", flag)
			}
		}
		return nil, nil
	}
	space, err := of.Run.Supernet.Lookup()
	if err != nil {
		return nil, usageError{err}
	}
	f, err := openInput(path)
	if err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	truth, err := indicator.ReadTruth(bytes.NewReader(text), inputName(path), indicator.TruthColumns{
		Read: indicator.InSpace(space), Arch: c.StringSlice("arch-column"), Accuracy: c.String("accuracy-column"),
	})
	hash := sha256.Sum256(text)
	return &study.Truth{Truth: truth, Name: filepath.Base(inputName(path)), Hash: hex.EncodeToString(hash[:])}, err
}

// doStudy does the study and shows the progress.
func doStudy(c *cli.Context, s study.Study, of study.Settings, o study.Options) (*study.Summary, error) {
	bars := phaseBars
	if o.Workers != nil {
		bars = cellsBar
	}
	show, end := bars(c)
	defer end()
	status := boardIn(o.Dir, nil)
	defer status.end()
	o.Progress = func(p study.Progress) {
		show(p)
		if o.Workers != nil {
			status.at(cellsPhase, p.Complete, p.Cells, 0)
		} else {
			status.at(fmt.Sprintf("cell %d of %d, %s: %s", p.At, p.Cells, p.Cell, p.Phase), p.Done, p.Total, 0)
		}
	}
	return s.Do(c.Context, of, o)
}

// phaseBars shows the progress of each phase of each cell. end clears the line.
func phaseBars(c *cli.Context) (show func(study.Progress), end func()) {
	var bar *progress
	shown := ""
	clear := func() {
		if bar != nil {
			bar.end()
		}
	}
	show = func(p study.Progress) {
		if what := fmt.Sprintf("%s %d/%d %s", p.Cell, p.At, p.Cells, p.Phase); what != shown {
			clear()
			shown, bar = what, newProgress(c, what, max(p.Total, 1))
		}
		bar.at(p.Done, p.Note)
	}
	return show, clear
}

// cellsBar shows how many cells are complete, and what those in work do. end clears the line.
func cellsBar(c *cli.Context) (show func(study.Progress), end func()) {
	var bar *progress
	states := map[string]string{}
	show = func(p study.Progress) {
		if bar == nil {
			bar = newProgress(c, cellsPhase, p.Cells)
			bar.resumed(p.Complete)
		}
		if delete(states, p.Cell); p.Phase != "" {
			states[p.Cell] = fmt.Sprintf("%s %s %d/%d", p.Cell, p.Phase, p.Done, p.Total)
		}
		bar.at(p.Complete, strings.Join(slices.Sorted(maps.Values(states)), ", "))
	}
	end = func() {
		if bar != nil {
			bar.end()
		}
	}
	return show, end
}

func studyText(w io.Writer, s *study.Summary) {
	fmt.Fprintf(w, "study\t%s: %s computed, %d from the folder\n\n", s.Study, amount.Of(s.Computed, "cell"), s.Reused)
	for _, f := range s.Figures {
		interval := ""
		if !math.IsNaN(f.Low) {
			interval = signed(f.Low) + " … " + signed(f.High)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Name, signed(f.Value), interval)
	}
	fmt.Fprintf(w, "\nHere: %s\n\n", s.Says)
	for _, t := range s.Tables {
		fmt.Fprintf(w, "table\t%s\n", t)
	}
	fmt.Fprintf(w, "page\t%s\n", s.Page)
}

// listedStudy is a study in the list.
type listedStudy struct {
	Name  string `json:"name"`
	Claim string `json:"claim"`
	Quick string `json:"quick_time"`
	Full  string `json:"full_time"`
}

func listStudies(c *cli.Context) error {
	var all []listedStudy
	for _, s := range study.All() {
		all = append(all, listedStudy{s.Name, s.Claim, s.QuickTime, s.FullTime})
	}
	return output(c, map[string]any{"studies": all}, func(w io.Writer) {
		for _, s := range all {
			fmt.Fprintf(w, "%s\n   %s\n   on two cores: --quick %s, in full %s\n", s.Name, s.Claim, s.Quick, s.Full)
		}
	})
}
