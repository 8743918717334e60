package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"bnas.example/ntk"
	"bnas.example/run"
	"bnas.example/supernet"
)

func ntkCommand() *cli.Command {
	settings := imageSettings
	return &cli.Command{
		Name:      "ntk",
		Usage:     "how far training left the regime of the neural tangent kernel: drift, alignment, linearised error",
		ArgsUsage: "[ARCH…]",
		Flags: append(flags(settings, computeSettings),
			textFlag("run", "the trained run in the folder `DIR`", "required"),
			optionalInt("sample", "`N` live architectures, drawn at random", 1, most),
			intFlag("ntk-images", "`N` images of a kernel", 16, 2, 65536)),
		Description: "bnas ntk --run runs/fair --sample 5\n" +
			"bnas ntk --run runs/fair '|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|'\n\n" +
			"Each architecture is compared with itself at initialisation: log κ of the tangent kernel of γ and β at the start\n" +
			"and now, the kernel's drift ‖Θ_t − Θ_0‖/‖Θ_0‖, its alignment raw and centred, and the error of the network\n" +
			"linearised at initialisation relative to the change of the logits. docs/method.md has the formulas." + archHelp,
		Action: func(c *cli.Context) error { return compareKernels(c, settings) },
	}
}

type regimeRow struct {
	Arch string `json:"arch"`
	ntk.Regime
}

func compareKernels(c *cli.Context, settings []setting) error {
	if c.String("run") == "" {
		return usagef("name a trained run: --run DIR")
	}
	if (c.NArg() > 0) == c.IsSet("sample") {
		return usagef("name the architectures in one way: as arguments or by --sample N")
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
	if c.IsSet("sample") {
		if err := enough(r.Net.Space, c.Int("sample")); err != nil {
			return err
		}
		archs = run.LiveSample(r.Net, c.Int("sample"), r.Config.Score.Seed, "ntk sample")
	}
	for _, a := range archs {
		if r.Net.Dead(a) {
			return usagef("%s has no path from input to output, so it has no tangent kernel", r.Net.Space.Format(a))
		}
	}
	rows, err := regimes(c, r, archs)
	if err != nil {
		return err
	}
	return output(c, map[string]any{"steps": r.Position.Step, "regimes": rows}, func(w io.Writer) {
		t := table{r.Net.Space, []string{"LOG κ AT START", "NOW", "DRIFT", "ALIGNMENT", "CENTRED", "LINEARISED ERROR"}, rowsOf(archs, func(i int) []string {
			row := rows[i]
			return []string{fmt.Sprintf("%.3f", row.LogConditionStart), fmt.Sprintf("%.3f", row.LogCondition), fmt.Sprintf("%.4f", row.Drift),
				fmt.Sprintf("%.4f", row.Alignment), fmt.Sprintf("%.4f", row.CentredAlignment), fmt.Sprintf("%.4f", row.LinearisedError)}
		})}
		t.print(c, w)
	})
}

// regimes compares each architecture of a run with itself at initialisation.
func regimes(c *cli.Context, r *run.Run, archs []supernet.Arch) ([]regimeRow, error) {
	n := c.Int("ntk-images")
	regimeOf, err := r.Regimes(n)
	var few *run.ImagesError
	if errors.As(err, &few) {
		return nil, usagef("--ntk-images %d: %s has %d to give", n, few.Set, few.Have)
	}
	if err != nil {
		return nil, err
	}
	bar := newProgress(c, "ntk", len(archs))
	defer bar.end()
	rows := make([]regimeRow, len(archs))
	for i, a := range archs {
		if err := c.Context.Err(); err != nil {
			return nil, err
		}
		rows[i].Arch = r.Net.Space.Format(a)
		if rows[i].Regime, err = regimeOf(a); err != nil {
			return nil, err
		}
		bar.at(i+1, "")
	}
	return rows, nil
}
