package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"bnas.example/internal/amount"
	"bnas.example/inventory"
)

// runsFlag names the folder of runs.
func runsFlag() cli.Flag {
	f := textFlag("runs", "the runs in the folder `DIR`", "runs")
	f.Value = "runs"
	return f
}

// runsFolder is the folder of runs that the argument or --runs names.
func runsFolder(c *cli.Context) (string, error) {
	if c.NArg() == 0 {
		return c.String("runs"), nil
	}
	if c.NArg() > 1 || onCommandLine(c, "runs") {
		return "", usagef("%s takes the folder of the runs once: as argument, or with --runs", c.Command.HelpName)
	}
	return c.Args().First(), nil
}

const namesHelp = "\n\nNAME is the name of a run in the folder of --runs, or its beginning if no other name begins so."

func runsCommand() *cli.Command {
	dryRun := &cli.BoolFlag{Name: "dry-run", Usage: "name what would be removed, and remove nothing", Category: catCommand}
	yes := &cli.BoolFlag{Name: "yes", Usage: "remove without asking", Category: catCommand}
	stalled := intFlag("stalled", "`N` minutes without a change are too long", 15, 1, most)
	return &cli.Command{
		Name:  "runs",
		Usage: "list, check, show, compare and remove runs",
		Subcommands: []*cli.Command{
			{
				Name: "ls", Usage: "the runs of a folder", ArgsUsage: "[DIR]", Flags: append(outputFlags(), runsFlag()), Action: listRuns,
				Description: "bnas runs ls" +
					"\n\nA run is training or searching if another process works on it, interrupted if its training is not at its end,\nand else done.",
			},
			{
				Name: "check", Usage: "whether the process that works in a folder of runs advances: a health check", ArgsUsage: "[DIR]", Flags: append(outputFlags(), runsFlag(), stalled),
				Action: checkRuns,
				Description: "bnas runs check --runs /runs" +
					"\n\nIt is well if no process works there, or if one of the folders in use has changed in the last minutes. Otherwise it fails.\nIt opens no GPU. A folder that is not there yet is well.",
			},
			{
				Name: "show", Usage: "one run: its state, its training and its best network", ArgsUsage: "NAME",
				Flags: append(outputFlags(), runsFlag()), Action: showRun,
				Description: "bnas runs show fair" + namesHelp,
			},
			{
				Name: "compare", Usage: "the settings in which runs differ, and their results side by side", ArgsUsage: "NAME…",
				Flags: append(outputFlags(), runsFlag()), Action: compareRuns,
				Description: "bnas runs compare fair standard" + namesHelp,
			},
			{
				Name: "rm", Usage: "remove runs that no process writes into", ArgsUsage: "NAME…",
				Flags: append(outputFlags(), runsFlag(), yes), Action: removeRuns,
				Description: "bnas runs rm standard --yes" + namesHelp,
			},
			{
				Name: "gc", Usage: "remove what the runs do not need", ArgsUsage: "[NAME…]",
				Flags: append(outputFlags(), runsFlag(), dryRun), Action: sweepRuns,
				Description: "bnas runs gc --dry-run" + namesHelp +
					"\n\nRemoved are the checkpoint before the last, if the last is whole; damaged checkpoints; what a crash left: temporary\nfiles, removals that were interrupted, and folders of runs that never began. Runs in use are left out.",
			},
		},
	}
}

func listRuns(c *cli.Context) error {
	dir, err := runsFolder(c)
	if err != nil {
		return err
	}
	if err := beforeWork(); err != nil {
		return err
	}
	all, err := inventory.List(dir)
	if err != nil {
		return err
	}
	result := struct {
		Runs []inventory.Entry `json:"runs"`
	}{all}
	return output(c, result, func(w io.Writer) {
		if len(all) == 0 {
			fmt.Fprintf(w, "no runs in %s; bnas run makes one\n", dir)
			return
		}
		fmt.Fprintln(w, "NAME\tSPACE\tSTEPS\tSTATE\tBEST\tAGE\tSIZE")
		for _, e := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Name, e.Space, steps(e), e.State, best(e.Best), inventory.Age(time.Since(e.Changed)), byteSize(e.Bytes))
		}
	})
}

// steps formats the progress of a run.
func steps(e inventory.Entry) string { return cmp.Or(e.Progress(), "none") }

// best formats the score of the best network of a run.
func best(b *inventory.Best) string {
	if b == nil || b.Score == nil {
		return "none"
	}
	return fmt.Sprintf("%.4g %s", *b.Score, b.By)
}

// shownRun is a run with the end of its training.
type shownRun struct {
	inventory.Entry
	Curve inventory.Curve `json:"last"`
}

func showRun(c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("runs show takes one argument, the name of a run; got %d", c.NArg())
	}
	if err := beforeWork(); err != nil {
		return err
	}
	all, err := shownRuns(c)
	if err != nil {
		return err
	}
	r := all[0]
	return output(c, r, func(w io.Writer) {
		fmt.Fprintf(w, "run\t%s\n", r.Dir)
		fmt.Fprintf(w, "state\t%s\n", strings.TrimSuffix(r.State+": "+r.Problem, ": "))
		for _, row := range results {
			fmt.Fprintf(w, "%s\t%s\n", row.name, row.of(r))
		}
	})
}

// shownRuns reads the runs of the arguments.
func shownRuns(c *cli.Context) ([]shownRun, error) {
	dirs, err := pickRuns(c)
	if err != nil {
		return nil, err
	}
	all := make([]shownRun, len(dirs))
	for i, dir := range dirs {
		all[i].Entry = inventory.Read(dir)
		if all[i].Curve, err = inventory.LastOf(dir); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// pickRuns returns the folders of the runs that the arguments name.
func pickRuns(c *cli.Context) (dirs []string, err error) {
	seen := map[string]bool{}
	for _, text := range c.Args().Slice() {
		dir, err := inventory.Pick(c.String("runs"), text)
		var wrong *inventory.NameError
		if errors.As(err, &wrong) {
			return nil, usageError{err}
		}
		if err != nil {
			return nil, err
		}
		if seen[dir] {
			return nil, usagef("%q: %s is named twice", text, dir)
		}
		seen[dir] = true
		dirs = append(dirs, dir)
	}
	return dirs, nil
}

// results are the rows of a run's results.
var results = []struct {
	name string
	of   func(shownRun) string
}{
	{"space", func(r shownRun) string { return r.Space }},
	{"steps", func(r shownRun) string { return steps(r.Entry) }},
	{"loss", func(r shownRun) string { return figure(r.Curve.Loss) }},
	{"training accuracy", func(r shownRun) string { return figure(r.Curve.Accuracy) }},
	{"early bird τ", func(r shownRun) string { return figure(r.Curve.Tau) }},
	{"best", func(r shownRun) string { return best(r.Best) }},
	{"network", func(r shownRun) string {
		if r.Best == nil {
			return "none"
		}
		return r.Best.Arch
	}},
	{"MACs", func(r shownRun) string { return costOf(r.Best, func(b *inventory.Best) int64 { return b.MACs }) }},
	{"parameters", func(r shownRun) string { return costOf(r.Best, func(b *inventory.Best) int64 { return b.Params }) }},
	{"latency", func(r shownRun) string {
		if r.Best == nil || r.Best.Latency == 0 {
			return "none"
		}
		return fmt.Sprintf("%.4g ms", r.Best.Latency)
	}},
	{"changed", func(r shownRun) string { return inventory.Age(time.Since(r.Changed)) + " ago" }},
	{"size", func(r shownRun) string { return byteSize(r.Bytes) }},
}

func figure(v *float64) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprintf("%.4g", *v)
}

func costOf(b *inventory.Best, of func(*inventory.Best) int64) string {
	if b == nil || of(b) == 0 {
		return "none"
	}
	return count(float64(of(b)))
}

func compareRuns(c *cli.Context) error {
	if c.NArg() < 2 {
		return usagef("runs compare needs the names of two runs or more as arguments, got %d", c.NArg())
	}
	if err := beforeWork(); err != nil {
		return err
	}
	all, err := shownRuns(c)
	if err != nil {
		return err
	}
	var dirs []string
	for _, r := range all {
		dirs = append(dirs, r.Dir)
	}
	settings, err := inventory.Differences(dirs)
	if err != nil {
		return err
	}
	result := struct {
		Settings []inventory.Difference `json:"settings"`
		Runs     []shownRun             `json:"runs"`
	}{settings, all}
	return output(c, result, func(w io.Writer) {
		for _, r := range all {
			fmt.Fprintf(w, "\t%s", r.Name)
		}
		fmt.Fprintln(w)
		for _, s := range settings {
			fmt.Fprint(w, s.Setting)
			for _, v := range s.Values {
				if v == nil {
					v = "none"
				}
				fmt.Fprintf(w, "\t%v", v)
			}
			fmt.Fprintln(w)
		}
		for _, row := range results {
			fmt.Fprint(w, row.name)
			for _, r := range all {
				fmt.Fprintf(w, "\t%s", row.of(r))
			}
			fmt.Fprintln(w)
		}
	})
}

func removeRuns(c *cli.Context) error {
	if c.NArg() == 0 {
		return usagef("runs rm needs the name of a run; see bnas runs rm --help")
	}
	dirs, err := pickRuns(c)
	if err != nil {
		return err
	}
	if err := beforeWork(); err != nil {
		return err
	}
	if !c.Bool("yes") {
		if err := agreed(c, dirs); err != nil {
			return err
		}
	}
	result := struct {
		Removed []string `json:"removed"`
	}{[]string{}}
	var failed error
	for _, dir := range dirs {
		if failed = inventory.Remove(dir); failed != nil {
			break
		}
		result.Removed = append(result.Removed, dir)
	}
	if failed != nil && len(result.Removed) == 0 {
		return failed
	}
	return cmp.Or(failed, output(c, result, func(w io.Writer) { // what is gone is said also when the next one failed
		for _, dir := range result.Removed {
			fmt.Fprintf(w, "removed\t%s\n", dir)
		}
	}))
}

// agreed asks on the terminal for the name of each run that is to be removed.
func agreed(c *cli.Context, dirs []string) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return usagef("runs rm asks before it removes, and stdin is no terminal; give --yes")
	}
	answers := bufio.NewScanner(os.Stdin)
	for _, dir := range dirs {
		e := inventory.Read(dir)
		fmt.Fprintf(c.App.ErrWriter, "%s (%s, %s, %s) will be removed. Type its name: ", dir, e.Space, e.State, byteSize(e.Bytes))
		if answers.Scan(); strings.TrimSpace(answers.Text()) != e.Name {
			return errors.New("nothing is removed: the answer is not " + e.Name)
		}
	}
	return nil
}

func sweepRuns(c *cli.Context) error {
	only, err := pickRuns(c)
	if err != nil {
		return err
	}
	if err := beforeWork(); err != nil {
		return err
	}
	found, err := inventory.Sweep(c.String("runs"), only, !c.Bool("dry-run"))
	if err != nil {
		return err
	}
	var bytes int64
	for _, f := range found {
		bytes += f.Bytes
	}
	result := struct {
		Files  []inventory.Leftover `json:"files"`
		Bytes  int64                `json:"bytes"`
		DryRun bool                 `json:"dry_run"`
	}{found, bytes, c.Bool("dry-run")}
	return output(c, result, func(w io.Writer) {
		for _, f := range found {
			fmt.Fprintf(w, "%s\t%s\t%s\n", f.Path, byteSize(f.Bytes), f.Why)
		}
		done := "removed"
		if result.DryRun {
			done = "to remove"
		}
		fmt.Fprintf(w, "%s\t%s\tin %s\n", done, byteSize(bytes), amount.Of(len(found), "place"))
	})
}
