package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"

	"github.com/urfave/cli/v2"

	"bnas.example/data"
	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/supernet"
	"bnas.example/verify"
)

func traceCommand() *cli.Command {
	settings := joined(supernetSettings, imageSettings)
	statistics := textFlag("statistics", "`NAME` is batch (training mode) or frozen (evaluation mode)", string(verify.BatchStatistics))
	statistics.Value = string(verify.BatchStatistics)
	return &cli.Command{
		Name:      "trace",
		Usage:     "one forward and backward pass in a file, to check every number against another framework",
		ArgsUsage: "ARCH",
		Flags: append(flags(settings, computeSettings), runFlag, outFileFlag, calibrationFlag, statistics,
			textFlag("images", "images: float32 N×C×H×W in `FILE`, .npy", "required"),
			textFlag("labels", "labels: int64 N in `FILE`, .npy", "required"),
			&cli.BoolFlag{Name: "active", Usage: "write too which rectifiers were on", Category: catCommand}),
		Description: "bnas trace 22212220 --space nas-bench-macro --images x.npy --labels y.npy -o trace.safetensors\n\n" +
			"The pass runs on the reference device, in float64, so that a difference is not a rounding error; --device cpu\n" +
			"or auto traces the engine.\n\n" +
			"The file holds logits, loss, mean.BN and var.BN, grad.NAME and sample_grad.NAME for every γ and β, named as\n" +
			"by bnas export. Frozen statistics are those that bnas export writes." + archHelp,
		Action: func(c *cli.Context) error { return trace(c, settings) },
	}
}

func trace(c *cli.Context, settings []setting) error {
	if err := needs(c, "images", "labels", "out"); err != nil {
		return err
	}
	mode := verify.StatisticsMode(c.String("statistics"))
	if mode != verify.BatchStatistics && mode != verify.FrozenStatistics {
		return usagef("--statistics %q: there is %s and %s", mode, verify.BatchStatistics, verify.FrozenStatistics)
	}
	r, a, stats, err := subnetwork(c, settings)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := canWrite(c.String("out")); err != nil {
		return err
	}
	images, labels, err := readImages(c.String("images"), c.String("labels"), r.Net.Config)
	if err != nil {
		return err
	}
	dev, store := r.Device, r.Store
	if !c.IsSet("device") {
		dev = ref.New()
		defer dev.Close()
		if !c.Bool("quiet") {
			slog.Info("pass", "device", dev.Info().Name, "detail", dev.Info().Detail, "why", "no --device given")
		}
		if store, err = copied(dev, r.Store); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	err = verify.Trace(&b, r.Net, dev, store, verify.Traced{
		Arch: a, Images: images, Labels: labels, Mode: mode, Stats: stats, Active: c.Bool("active"),
	})
	if err != nil {
		return err
	}
	return writeResult(c, b.Bytes(), r.Net.Space.Format(a))
}

// copied makes a store of dev and copies the parameters of another device's store into it.
func copied(dev kernels.Device, from kernels.Store) (kernels.Store, error) {
	to, err := dev.NewStore(from.Params())
	if err != nil {
		return nil, err
	}
	for id, p := range from.Params() {
		v := make([]float32, p.Len())
		if err := from.Read(kernels.Data, v, kernels.ParamID(id)); err != nil {
			return nil, err
		}
		if err := to.Write(kernels.Data, v, kernels.ParamID(id)); err != nil {
			return nil, err
		}
	}
	return to, nil
}

// readImages reads a batch from two .npy files and checks it against the network's input.
func readImages(imagesPath, labelsPath string, cfg supernet.Config) ([]float32, []int, error) {
	x, err := data.ReadNpy(imagesPath)
	if err != nil {
		return nil, nil, err
	}
	pixels, ok := x.Data.([]float32)
	want := cfg.Images()
	if sh := x.Shape; !ok || len(sh) != 4 || sh[1] != want.C || sh[2] != want.H || sh[3] != want.W {
		return nil, nil, fmt.Errorf("%s: images are %v, want float32 N×%v", imagesPath, x, want)
	}
	for i, v := range pixels {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, nil, fmt.Errorf("%s: image %d has the pixel %v, want finite numbers", imagesPath, i/(len(pixels)/x.Shape[0]), v)
		}
	}
	y, err := data.ReadNpy(labelsPath)
	if err != nil {
		return nil, nil, err
	}
	values, ok := y.Data.([]int64)
	if !ok || len(y.Shape) != 1 || len(values) != x.Shape[0] {
		return nil, nil, fmt.Errorf("%s: labels are %v, want int64 of length %d", labelsPath, y, x.Shape[0])
	}
	labels := make([]int, len(values))
	for i, v := range values {
		if v < 0 || v >= int64(cfg.Classes) {
			return nil, nil, fmt.Errorf("%s: label %d of image %d is not in 0…%d", labelsPath, v, i, cfg.Classes-1)
		}
		labels[i] = int(v)
	}
	return pixels, labels, nil
}
