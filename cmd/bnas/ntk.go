package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"bnas.example/data"
	"bnas.example/ntk"
	"bnas.example/philox"
	"bnas.example/supernet"
)

func ntkCommand() *cli.Command {
	settings := dataSettings
	return &cli.Command{
		Name:      "ntk",
		Usage:     "how far training left the regime of the neural tangent kernel: drift, alignment, linearised error",
		ArgsUsage: "[ARCH…]",
		Flags: append(flags(settings...),
			&cli.StringFlag{Name: "run", Usage: "folder of a trained run (required)"},
			&cli.IntFlag{Name: "sample", Usage: "that many live architectures, drawn at random"},
			&cli.IntFlag{Name: "ntk-images", Usage: "images of a kernel", Value: 16}),
		Description: "bnas ntk --run runs/fair --sample 5\n" +
			"bnas ntk --run runs/fair '|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|'\n\n" +
			"Each architecture is compared with itself at initialisation: log κ of the tangent kernel of γ and β at the start\n" +
			"and now, the kernel's drift ‖Θ_t − Θ_0‖/‖Θ_0‖, its alignment raw and centred, and the error of the network\n" +
			"linearised at initialisation relative to the change of the logits. docs/method.md has the formulas.",
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
	if c.Int("ntk-images") < 2 || c.IsSet("sample") && c.Int("sample") < 1 {
		return usagef("--ntk-images must be at least 2, --sample at least 1")
	}
	s, err := openRunOrUntrained(c, true, settings...)
	if err != nil {
		return err
	}
	defer s.close()
	archs, err := parseArchs(s.net.Space, c.Args().Slice())
	if err != nil {
		return err
	}
	if c.IsSet("sample") {
		archs = liveSample(s.net, c.Int("sample"), s.cfg.Score.Seed, "ntk sample")
	}
	rows, err := s.regimes(c, archs, c.Int("ntk-images"))
	if err != nil {
		return err
	}
	return output(c, map[string]any{"steps": s.at.Step, "regimes": rows}, func(w io.Writer) {
		fmt.Fprintln(w, "LOG κ AT START\tNOW\tDRIFT\tALIGNMENT\tCENTRED\tLINEARISED ERROR\tARCHITECTURE")
		for _, r := range rows {
			fmt.Fprintf(w, "%.3f\t%.3f\t%.4f\t%.4f\t%.4f\t%.4f\t%s\n",
				r.LogConditionStart, r.LogCondition, r.Drift, r.Alignment, r.CentredAlignment, r.LinearisedError, r.Arch)
		}
	})
}

// regimes compares each architecture with itself at initialisation, on n images that did not train, or that did where
// too few were held back.
func (s *session) regimes(c *cli.Context, archs []supernet.Arch, n int) ([]regimeRow, error) {
	start, err := s.dev.NewStore(s.net.Params())
	if err != nil {
		return nil, err
	}
	if err := s.net.Fill(start); err != nil {
		return nil, err
	}
	images, err := s.kernelImages(n)
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
		text := s.net.Space.Format(a)
		if s.net.Dead(a) {
			return nil, usagef("%s has no path from input to output, so it has no tangent kernel", text)
		}
		p, err := s.net.Program(a)
		if err != nil {
			return nil, err
		}
		r, err := ntk.Compare(s.dev, p, start, s.store, images)
		if err != nil {
			return nil, err
		}
		rows[i] = regimeRow{text, r}
		bar.at(i+1, text)
	}
	return rows, nil
}

// kernelImages gathers n images, the same for every architecture.
func (s *session) kernelImages(n int) ([]float32, error) {
	from := s.held
	if len(from) < n {
		from = s.train
	}
	if len(from) < n {
		return nil, usagef("--ntk-images %d: %s has %d to give", n, s.set.Name(), len(from))
	}
	indices := make([]int, n)
	for i, at := range philox.New(s.cfg.Score.Seed, "ntk images", 0).Perm(len(from))[:n] {
		indices[i] = from[at]
	}
	batch, err := data.Gather(s.set, indices)
	if err != nil {
		return nil, err
	}
	pixels, ok := batch.Images.Data().([]float32)
	if !ok {
		return nil, fmt.Errorf("images are %v, want float32", batch.Images.Dtype())
	}
	return pixels, nil
}
