package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"bnas.example/inventory"
	"bnas.example/run"
)

// tensorboardFlag is of the commands that train a run.
var tensorboardFlag = &cli.BoolFlag{Name: "tensorboard", Usage: "also write an event file for TensorBoard into the run folder", Category: catOutput}

func tensorboardCommand() *cli.Command {
	return &cli.Command{
		Name:      "tensorboard",
		Usage:     "write the metrics of runs as event files for TensorBoard",
		ArgsUsage: "RUN…",
		Flags:     append(outputFlags(), textFlag("out", "into folders of `DIR`, with the names of the runs", "the run folders")),
		Description: "bnas tensorboard runs/fair\n" +
			"\nThe file has the curves of metrics.jsonl, histograms of γ by operator, the settings as a text and as\n" +
			"hyperparameters, and the network that a search has found as a picture. It replaces the one before. --tensorboard of bnas train and bnas run writes it while they train.",
		Action: writeEvents,
	}
}

type eventsRow struct {
	Run  string `json:"run"`
	File string `json:"file"`
}

type eventsResult struct {
	Files []eventsRow `json:"files"`
}

func writeEvents(c *cli.Context) error {
	runs := c.Args().Slice()
	if len(runs) == 0 {
		return usagef("tensorboard needs the folder of a run; see bnas tensorboard --help")
	}
	folders := map[string]string{} // by where the events go
	for _, dir := range runs {
		to := eventsFolder(c, dir)
		if other, twice := folders[to]; twice {
			return usagef("the events of %s and %s would both be in %s", other, dir, to)
		}
		folders[to] = dir
	}
	if err := beforeWork(); err != nil {
		return err
	}
	var result eventsResult
	for _, dir := range runs {
		path, err := run.WriteEvents(dir, eventsFolder(c, dir))
		if err != nil {
			return err
		}
		result.Files = append(result.Files, eventsRow{dir, path})
	}
	return output(c, result, func(w io.Writer) {
		for _, f := range result.Files {
			fmt.Fprintf(w, "events\t%s\n", f.File)
		}
		fmt.Fprintf(w, "next\t%s\n", command("tensorboard", "--logdir", filepath.Dir(filepath.Dir(result.Files[0].File))))
	})
}

// eventsFolder is where the events of the run in dir go.
func eventsFolder(c *cli.Context, dir string) string {
	dir = filepath.Clean(dir)
	if out := c.String("out"); out != "" {
		return filepath.Join(out, inventory.Name(dir))
	}
	return dir
}
