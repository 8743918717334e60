package main

import (
	"bytes"
	"fmt"
	"log/slog"

	"github.com/urfave/cli/v2"

	"bnas.example/data"
	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/supernet"
	"bnas.example/verify"
)

func traceCommand() *cli.Command {
	settings := joined(supernetSettings, dataSettings)
	return &cli.Command{
		Name:      "trace",
		Usage:     "one forward and backward pass in a file, to check every number against another framework",
		ArgsUsage: "ARCH",
		Flags: append(flags(settings...), runFlag, outFileFlag, calibrationFlag,
			&cli.StringFlag{Name: "images", Usage: "float32 N×3×H×W, .npy"},
			&cli.StringFlag{Name: "labels", Usage: "int64 N, .npy"},
			&cli.BoolFlag{Name: "active", Usage: "write too which rectifiers were on"},
			&cli.StringFlag{Name: "statistics", Usage: "batch (training mode) or frozen (evaluation mode)", Value: string(verify.BatchStatistics)}),
		Description: "bnas trace 22212220 --space nas-bench-macro --images x.npy --labels y.npy -o trace.safetensors\n\n" +
			"The pass runs on the reference device, in float64, so that a difference is not a rounding error; --device cpu\n" +
			"or auto traces the engine.\n\n" +
			"The file holds logits, loss, mean.BN and var.BN, grad.NAME and sample_grad.NAME for every γ and β, named as by\n" +
			"bnas export. Frozen statistics are those that bnas export writes.",
		Action: func(c *cli.Context) error { return trace(c, settings) },
	}
}

func trace(c *cli.Context, settings []setting) error {
	if err := needs(c, "images", "labels", "out"); err != nil {
		return err
	}
	r, a, stats, err := subnetwork(c, settings)
	if err != nil {
		return err
	}
	defer r.Close()
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
		Arch: a, Images: images, Labels: labels, Mode: verify.StatisticsMode(c.String("statistics")), Stats: stats, Active: c.Bool("active"),
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
		if err := from.Read(kernels.ParamID(id), kernels.Data, v); err != nil {
			return nil, err
		}
		if err := to.Write(kernels.ParamID(id), kernels.Data, v); err != nil {
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
	if sh := x.Shape; !ok || len(sh) != 4 || sh[1] != 3 || sh[2] != cfg.Height || sh[3] != cfg.Width {
		return nil, nil, fmt.Errorf("%s: images are %v, want float32 N×3×%d×%d", imagesPath, x, cfg.Height, cfg.Width)
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
		labels[i] = int(v)
	}
	return pixels, labels, nil
}
