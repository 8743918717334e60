package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/export"
	"bnas.example/internal/wholefile"
	"bnas.example/run"
	"bnas.example/supernet"
	"bnas.example/train"
)

var outFileFlag = &cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "the safetensors `FILE` to write", DefaultText: "required", Category: catCommand}

// formats are the formats of an exported network, and the endings of files by which one is chosen.
var formats = []struct{ name, ending string }{{"safetensors", ".safetensors"}, {"onnx", ".onnx"}, {"torch", ".py"}}

func exportCommand() *cli.Command {
	settings := joined(supernetSettings, imageSettings)
	out := *outFileFlag
	out.Usage = "the `FILE` to write"
	return &cli.Command{
		Name:      "export",
		Usage:     "a network with its weights: as safetensors, in ONNX, or as a module of PyTorch",
		ArgsUsage: "[ARCH]",
		Flags: append(flags(settings, computeSettings), runFlag, &out, calibrationFlag,
			textFlag("format", "`NAME` is safetensors, onnx or torch", "by the ending of the file: .onnx, .py; else safetensors"),
			&cli.BoolFlag{Name: "fold", Usage: "in ONNX: a BatchNorm becomes a part of the convolution before it", Category: catCommand}),
		Description: "bnas export 22212220 --space nas-bench-macro --seed 1 -o net.safetensors\n" +
			"bnas export --run runs/fair '|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|nor_conv_1x1~2|' -o net.onnx --fold\n" +
			"bnas export --run runs/fair all3x3 -o net.py\n\n" +
			"safetensors has the weights, named as the space's own PyTorch code names them. torch writes them too, and beside\n" +
			"them a Python file with the network and its loader; it needs torch and safetensors. onnx has the network in\n" +
			"evaluation mode (operator set 17), for any number of images.\n\n" +
			"With --run the running statistics are recomputed on --calibration-images training images; the untrained\n" +
			"network has those of a new BatchNorm, mean 0 and variance 1. A network of bnas retrain needs no ARCH and has the\n" +
			"running statistics of its training, unless --calibration-images is given." + archHelp,
		Action: func(c *cli.Context) error { return exportNetwork(c, settings) },
	}
}

type fileResult struct {
	File  string `json:"file"`
	Bytes int    `json:"bytes"`
	Arch  string `json:"arch"`
	// Code is the Python file beside File, if there is one.
	Code string `json:"code,omitempty"`
}

func (r fileResult) text(w io.Writer) {
	if r.Code != "" {
		fmt.Fprintf(w, "%s\t\t%s\n", r.Code, r.Arch)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\n", r.File, byteSize(int64(r.Bytes)), r.Arch)
}

func exportNetwork(c *cli.Context, settings []setting) error {
	if err := needs(c, "out"); err != nil {
		return err
	}
	format, err := formatOf(c)
	if err != nil {
		return err
	}
	r, a, stats, err := subnetwork(c, settings)
	if err != nil {
		return err
	}
	defer r.Close()
	network, err := r.Net.StateDict(r.Store, a, stats)
	if err != nil {
		return err
	}
	images, err := r.ImageMetadata()
	if err != nil {
		return err
	}
	metadata := r.Net.Metadata(a)
	maps.Copy(metadata, images)
	arch := r.Net.Space.Format(a)
	switch format {
	case "onnx":
		model, err := export.ONNX(network, metadata, c.Bool("fold"))
		if err != nil {
			return err
		}
		return writeResult(c, model, arch)
	case "torch":
		return writeTorch(c, network, metadata, arch)
	}
	var b bytes.Buffer
	if err := export.Safetensors(&b, network, metadata); err != nil {
		return err
	}
	return writeResult(c, b.Bytes(), arch)
}

// formatOf returns the format of --format, or that of the file's ending.
func formatOf(c *cli.Context) (string, error) {
	given, ending := c.String("format"), filepath.Ext(c.String("out"))
	var names []string
	ended := ""
	for _, f := range formats {
		names = append(names, f.name)
		if ending == f.ending {
			ended = f.name
		}
	}
	if ended != "" && !onCommandLine(c, "format") {
		given = "" // a variable is for many files
	}
	format := given
	switch {
	case given == "" && ended != "":
		format = ended
	case given == "" && slices.Contains([]string{".pt", ".pth", ".ckpt", ".pkl"}, ending):
		return "", usagef("--out %s: files that end in %s are Python pickles, which bnas does not write: name it .safetensors, .onnx or .py", c.String("out"), ending)
	case given == "":
		format = formats[0].name
	case !slices.Contains(names, given):
		return "", usagef("--format %q: there is %s", given, either(names))
	case ended != "" && ended != given && !(given == "torch" && ended == "safetensors"):
		return "", usagef("--format %s and the file %s, which ends as %s does: give one of them", given, c.String("out"), ended)
	}
	if onCommandLine(c, "fold") && c.Bool("fold") && format != "onnx" {
		return "", usagef("--fold has an effect only in ONNX: add --format onnx, or name the file x.onnx")
	}
	return format, nil
}

// writeTorch writes the weights and, beside them, the Python file.
func writeTorch(c *cli.Context, network *supernet.StateDict, metadata map[string]string, arch string) error {
	stem := c.String("out")
	for _, ending := range []string{".py", ".safetensors"} {
		stem = strings.TrimSuffix(stem, ending)
	}
	r := fileResult{File: stem + ".safetensors", Arch: arch, Code: stem + ".py"}
	code, err := export.Torch(network, metadata, filepath.Base(r.File))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := export.Safetensors(&b, network, metadata); err != nil {
		return err
	}
	_, absent := os.Lstat(r.Code)
	failed := r.File
	err = wholefile.WriteFrom(r.File, func(w io.Writer) error {
		if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
		failed = r.Code // once there is room for the weights: a full disk leaves both files as they were
		if err := wholefile.Write(r.Code, code); err != nil {
			return err
		}
		failed = r.File
		return nil
	})
	if err != nil {
		if absent != nil {
			os.Remove(r.Code) // no network has its code alone
		}
		return fmt.Errorf("writing %s: %w", failed, err)
	}
	r.Bytes = b.Len()
	return output(c, r, r.text)
}

// writeResult writes one file.
func writeResult(c *cli.Context, content []byte, arch string) error {
	r := fileResult{File: c.String("out"), Bytes: len(content), Arch: arch}
	if err := wholefile.Write(r.File, content); err != nil {
		return fmt.Errorf("writing %s: %w", r.File, err)
	}
	return output(c, r, r.text)
}

// subnetwork opens the command's architecture. In a trained supernet the statistics are recomputed on its training images; an
// untrained network has those of a new BatchNorm.
func subnetwork(c *cli.Context, settings []setting) (*run.Run, supernet.Arch, supernet.Statistics, error) {
	none := supernet.Statistics{}
	r, err := openRunOr(run.Network, c, settings...)
	if err != nil {
		return nil, nil, none, err
	}
	a, err := exported(c, r)
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

// exported returns the architecture of the command line. A network that was trained on its own has only its own, and needs none.
func exported(c *cli.Context, r *run.Run) (supernet.Arch, error) {
	own, err := r.Own()
	if err != nil || own != nil && c.NArg() == 0 {
		return own, err
	}
	a, err := oneArch(c, r.Net)
	if err == nil && own != nil && !slices.Equal(a, own) {
		return nil, usagef("argument %q: the run in %s has trained %s and no other", c.Args().First(), r.Dir, r.Config.Train.Path)
	}
	return a, err
}

// statisticsOf returns the statistics of a network: its running ones if it was trained on its own and has some.
func statisticsOf(c *cli.Context, r *run.Run, a supernet.Arch) (supernet.Statistics, error) {
	if r.Dir == "" {
		p, err := r.Net.Program(a)
		if err != nil {
			return supernet.Statistics{}, err
		}
		return supernet.NewStatistics(p), nil
	}
	if running := r.Position.Running; running != nil && !c.IsSet("calibration-images") {
		return *running, nil
	}
	calibration, err := r.CalibrationImages(c.Int("calibration-images"))
	if err != nil {
		return supernet.Statistics{}, err
	}
	return train.Recalibrate(r.Net, r.Device, r.Store, a, calibration)
}
