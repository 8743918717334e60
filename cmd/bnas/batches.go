package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"bnas.example/internal/amount"
	"bnas.example/internal/wholefile"
	"bnas.example/run"
	"bnas.example/safetensors"
)

func batchesCommand() *cli.Command {
	settings := imageSettings
	return &cli.Command{
		Name:  "batches",
		Usage: "the images and labels of a run's first training steps in a file, to train elsewhere on the same",
		Flags: append(flags(settings, computeSettings), outFileFlag,
			textFlag("run", "the run in the folder `DIR`", "required"),
			intFlag("count", "the first `N` steps", 20, 1, most)),
		Description: "bnas batches --run runs/fair --count 2 -o batches.safetensors\n\n" +
			"The file has, for step i from 0, images.i, float32 N×C×H×W, augmented and normalised as training sees them, and\n" +
			"labels.i, int64 N. Of a network with drop-path it has factors.i.NAME, float32 N, too: the factor of each image at the\n" +
			"operator that ends in NAME; with an auxiliary head, the tensors with which the head starts, auxiliary_head.…, in PyTorch's\n" +
			"names. scripts/retrain_torch.py trains a network of bnas retrain in PyTorch on them.",
		Action: func(c *cli.Context) error { return batches(c, settings) },
	}
}

type batchesResult struct {
	File   string `json:"file"`
	Bytes  int64  `json:"bytes"`
	Steps  int    `json:"steps"`
	Images int    `json:"images"` // a step
}

func batches(c *cli.Context, settings []setting) error {
	if err := needs(c, "run", "out"); err != nil {
		return err
	}
	dir := c.String("run")
	cfg, err := runConfig(c, dir, settings)
	if err != nil {
		return err
	}
	if err := canWrite(c.String("out")); err != nil {
		return err
	}
	r, err := run.Resume(dir, cfg, options(c))
	if err != nil {
		return err
	}
	defer r.Close()
	loader, err := r.Loader()
	if err != nil {
		return err
	}
	dropped, err := r.Dropped()
	if err != nil {
		return err
	}
	var tensors []safetensors.Tensor
	result := batchesResult{File: c.String("out"), Steps: c.Int("count"), Images: r.Config.Train.Batch}
	for i := range result.Steps {
		b, err := loader.At(i)
		if err != nil {
			return err
		}
		labels := make([]int64, len(b.Labels))
		for k, l := range b.Labels {
			labels[k] = int64(l)
		}
		tensors = append(tensors, safetensors.Float32(fmt.Sprintf("images.%d", i), []int{len(labels), b.Channels, b.Height, b.Width}, b.Images),
			safetensors.Int64(fmt.Sprintf("labels.%d", i), []int{len(labels)}, labels))
		for k, factors := range dropped.Factors(i) {
			tensors = append(tensors, safetensors.Float32(fmt.Sprintf("factors.%d.%s", i, dropped.Names[k]), []int{len(labels)}, factors))
		}
	}
	params, values, err := r.AuxiliaryHead()
	if err != nil {
		return err
	}
	for i, p := range params {
		tensors = append(tensors, safetensors.Float32(p.Name, p.Shape, values[i]))
	}
	err = wholefile.WriteFrom(result.File, func(w io.Writer) error {
		n := &counted{w: w}
		err := safetensors.Write(n, nil, tensors...)
		result.Bytes = n.bytes
		return err
	})
	if err != nil {
		return fmt.Errorf("writing %s: %w", result.File, err)
	}
	return output(c, result, func(w io.Writer) {
		fmt.Fprintf(w, "%s\t%s\t%s of %s\n", result.File, byteSize(result.Bytes), amount.Of(result.Steps, "step"), amount.Of(result.Images, "image"))
	})
}

// counted counts what is written.
type counted struct {
	w     io.Writer
	bytes int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.bytes += int64(n)
	return n, err
}
