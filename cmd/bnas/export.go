package main

import (
	"bytes"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"bnas.example/internal/wholefile"
	"bnas.example/run"
	"bnas.example/supernet"
	"bnas.example/train"
)

var outFileFlag = &cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "the safetensors `FILE` to write", DefaultText: "required", Category: catCommand}

func exportCommand() *cli.Command {
	settings := joined(supernetSettings, imageSettings)
	return &cli.Command{
		Name:      "export",
		Usage:     "an architecture's weights as safetensors, named as the space's own PyTorch code names them",
		ArgsUsage: "ARCH",
		Flags:     append(flags(settings, computeSettings), runFlag, outFileFlag, calibrationFlag),
		Description: "bnas export 22212220 --space nas-bench-macro --seed 1 -o net.safetensors\n" +
			"bnas export --run runs/fair '|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|nor_conv_1x1~2|' -o net.safetensors\n\n" +
			"With --run the running statistics are recomputed on --calibration-images training images; the untrained\n" +
			"network has those of a new BatchNorm, mean 0 and variance 1." + archHelp,
		Action: func(c *cli.Context) error { return export(c, settings) },
	}
}

type fileResult struct {
	File  string `json:"file"`
	Bytes int    `json:"bytes"`
	Arch  string `json:"arch"`
}

func (r fileResult) text(w io.Writer) {
	fmt.Fprintf(w, "%s\t%s\t%s\n", r.File, byteSize(int64(r.Bytes)), r.Arch)
}

func export(c *cli.Context, settings []setting) error {
	if err := needs(c, "out"); err != nil {
		return err
	}
	r, a, stats, err := subnetwork(c, settings)
	if err != nil {
		return err
	}
	defer r.Close()
	var b bytes.Buffer
	images, err := r.ImageMetadata()
	if err != nil {
		return err
	}
	if err := supernet.Export(&b, r.Net, r.Store, a, stats, images); err != nil {
		return err
	}
	return writeResult(c, b.Bytes(), r.Net.Space.Format(a))
}

func writeResult(c *cli.Context, content []byte, arch string) error {
	path := c.String("out")
	if err := wholefile.Write(path, content); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	r := fileResult{File: path, Bytes: len(content), Arch: arch}
	return output(c, r, r.text)
}

// subnetwork opens the command's architecture. In a trained run the statistics are recomputed on its training images; an
// untrained network has those of a new BatchNorm.
func subnetwork(c *cli.Context, settings []setting) (*run.Run, supernet.Arch, supernet.Statistics, error) {
	none := supernet.Statistics{}
	r, err := openRunOr(run.Network, c, settings...)
	if err != nil {
		return nil, nil, none, err
	}
	a, err := oneArch(c, r.Net)
	if err != nil {
		r.Close()
		return nil, nil, none, err
	}
	stats, err := statisticsOf(c, r, a)
	if err != nil {
		r.Close()
		return nil, nil, none, err
	}
	return r, a, stats, nil
}

func statisticsOf(c *cli.Context, r *run.Run, a supernet.Arch) (supernet.Statistics, error) {
	if r.Dir == "" {
		p, err := r.Net.Program(a)
		if err != nil {
			return supernet.Statistics{}, err
		}
		return supernet.NewStatistics(p), nil
	}
	calibration, err := r.CalibrationImages(c.Int("calibration-images"))
	if err != nil {
		return supernet.Statistics{}, err
	}
	return train.Recalibrate(r.Net, r.Device, r.Store, a, calibration)
}
