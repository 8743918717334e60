package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"bnas.example/data"
	"bnas.example/run"
	"bnas.example/supernet"
	"bnas.example/train"
)

var calibrationFlag = &cli.IntFlag{Name: "calibration-images", Usage: "training images that recompute BatchNorm's statistics", Value: 1024}

func evalCommand() *cli.Command {
	settings := joined(supernetSettings, dataSettings)
	return &cli.Command{
		Name:      "eval",
		Usage:     "one-shot accuracy: the supernet's weights, BatchNorm's statistics recomputed",
		ArgsUsage: "ARCH…",
		Flags: append(flags(settings...), runFlag, calibrationFlag,
			&cli.StringFlag{Name: "split", Usage: "images to validate on: holdout (of the training set) or test", Value: "holdout"},
			&cli.IntFlag{Name: "validation-images", Usage: "how many of them (0: all)"}),
		Description: "bnas eval --run runs/fair '|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|'",
		Action:      func(c *cli.Context) error { return eval(c, settings) },
	}
}

type evalRow struct {
	Arch     string `json:"arch"`
	Accuracy number `json:"accuracy"`
	NLL      number `json:"nll"`
	Images   int    `json:"images"`
}

func eval(c *cli.Context, settings []setting) error {
	if c.NArg() == 0 {
		return usagef("eval needs an architecture; see bnas eval --help")
	}
	if c.Int("calibration-images") < 2 || c.Int("validation-images") < 0 {
		return usagef("--calibration-images must be at least 2, --validation-images at least 0")
	}
	r, err := openRunOr(run.Untrained, c, settings...)
	if err != nil {
		return err
	}
	defer r.Close()
	archs, err := parseArchs(r.Net.Space, c.Args().Slice())
	if err != nil {
		return err
	}
	calibration, err := r.CalibrationImages(c.Int("calibration-images"))
	if err != nil {
		return err
	}
	validation, err := validation(r, c.String("split"), c.Int("validation-images"))
	if err != nil {
		return err
	}
	var rows []evalRow
	bar := newProgress(c, "evaluate", len(archs))
	for i, a := range archs {
		if err := c.Context.Err(); err != nil {
			return err
		}
		got, err := train.OneShot(r.Net, r.Device, r.Store, a, calibration, validation)
		if err != nil {
			return err
		}
		rows = append(rows, evalRow{r.Net.Space.Format(a), number(got.Top1), number(got.NLL), got.Images})
		bar.at(i+1, fmt.Sprintf("%.1f %%", 100*got.Top1))
	}
	bar.end()
	return output(c, map[string]any{"evaluated": rows}, func(w io.Writer) {
		fmt.Fprintln(w, "ARCHITECTURE\tACCURACY\tNLL\tIMAGES")
		for _, row := range rows {
			fmt.Fprintf(w, "%s\t%.2f %%\t%.4f\t%d\n", row.Arch, 100*row.Accuracy, row.NLL, row.Images)
		}
	})
}

// validation gathers images that were not used for training: the first n of the holdout or the test set, or all if n is 0.
func validation(r *run.Run, split string, n int) ([]data.Batch, error) {
	switch split {
	case "holdout":
		images, err := r.HeldOutImages(n)
		if errors.Is(err, run.ErrNoHoldout) {
			return nil, usagef("%w; use --split test", err)
		}
		return images, err
	case "test":
		return r.TestImages(n)
	}
	return nil, usagef("--split %q: there is holdout and test", split)
}

// parseArchs parses architectures in the order given.
func parseArchs(space supernet.Space, texts []string) ([]supernet.Arch, error) {
	var archs []supernet.Arch
	for _, text := range texts {
		a, err := space.Parse(text)
		if err != nil {
			return nil, usageError{err}
		}
		archs = append(archs, a)
	}
	return archs, nil
}
