package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"bnas.example/data"
	"bnas.example/run"
	"bnas.example/train"
)

var calibrationFlag = intFlag("calibration-images", "`N` training images recompute BatchNorm's statistics", 1024, 2, 1_000_000_000)

func evalCommand() *cli.Command {
	settings := joined(supernetSettings, imageSettings)
	split := textFlag("split", "validate on the images of `NAME`: holdout (of the training set) or test", "holdout")
	split.Value = "holdout"
	return &cli.Command{
		Name:      "eval",
		Usage:     "one-shot accuracy: the supernet's weights, BatchNorm's statistics recomputed",
		ArgsUsage: "ARCH…",
		Flags: append(flags(settings, computeSettings), runFlag, calibrationFlag, split,
			intFlag("validation-images", "`N` of them (0: all)", 0, 0, 1_000_000_000)),
		Description: "bnas eval --run runs/fair '|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|'" + archHelp,
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
	if s := c.String("split"); s != "holdout" && s != "test" {
		return usagef("--split %q: there is holdout and test", s)
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
	defer bar.end()
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
		t := table{r.Net.Space, []string{"ACCURACY", "NLL", "IMAGES"}, rowsOf(archs, func(i int) []string {
			return []string{fmt.Sprintf("%.2f %%", 100*rows[i].Accuracy), fmt.Sprintf("%.4f", rows[i].NLL), fmt.Sprint(rows[i].Images)}
		})}
		t.print(c, w)
	})
}

// validation gathers images that were not used for training: n of the holdout or the test set, or all if n is 0.
func validation(r *run.Run, split string, n int) ([]data.Batch, error) {
	if split == "test" {
		return r.TestImages(n)
	}
	images, err := r.HeldOutImages(n)
	if errors.Is(err, run.ErrNoHoldout) {
		return nil, usagef("%w; use --split test", err)
	}
	return images, err
}
