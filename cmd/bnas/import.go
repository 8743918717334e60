package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/run"
	"bnas.example/safetensors"
	"bnas.example/supernet"
	"bnas.example/train"
)

// mostNetwork is the largest file of a network in bytes, many times the size of any.
const mostNetwork = 512 << 20

func importCommand() *cli.Command {
	settings := joined(supernetSettings, imageSettings, augmentSettings, trainSettings, compositeSetting)
	return &cli.Command{
		Name:      "import",
		Usage:     "a new run that starts from a network trained in PyTorch",
		ArgsUsage: "FILE [ARCH]",
		Flags:     append(flags(settings, computeSettings), outFlag),
		Description: "bnas import net.safetensors --out runs/imported\n" +
			"bnas eval --run runs/imported all3x3\n" +
			"bnas import net.safetensors --out runs/retrained --sampling fixed --train all --epochs 2\n" +
			"bnas train --resume runs/retrained\n\n" +
			"FILE is the network's state dict in safetensors, with the names of bnas export, in float32. The network is that of\n" +
			"the file's metadata; a file without them needs ARCH, and --space, --bn, --channels and --cells as the network has\n" +
			"them. Parameters of other paths have the values of --seed. Running statistics are not taken over: bnas recomputes\n" +
			"them from training images. The settings of training are those with which the run goes on: --sampling fixed --train all\n" +
			"trains the imported network alone, with all of its weights." + archHelp,
		Action: func(c *cli.Context) error { return importNetwork(c, settings) },
	}
}

type importResult struct {
	Dir     string `json:"dir"`
	Space   string `json:"space"`
	Arch    string `json:"arch"`
	Tensors int    `json:"tensors"`
	Values  int    `json:"values"`
}

func (r importResult) text(w io.Writer) {
	fmt.Fprintf(w, "run\t%s\n", r.Dir)
	fmt.Fprintf(w, "network\t%s of %s\n", r.Arch, r.Space)
	fmt.Fprintf(w, "imported\t%s values in %d tensors\n", count(float64(r.Values)), r.Tensors)
	fmt.Fprintf(w, "next\t%s\n", command("bnas", "eval", "--run", r.Dir, r.Arch))
	fmt.Fprintf(w, "\t%s\n", command("bnas", "train", "--resume", r.Dir))
}

func importNetwork(c *cli.Context, settings []setting) error {
	if n := c.NArg(); n < 1 || n > 2 {
		return usagef("%s takes a file and at most one architecture, got %d arguments; see %s --help", c.Command.HelpName, n, c.Command.HelpName)
	}
	path := c.Args().First()
	content, err := readInput(path, mostNetwork)
	if err != nil {
		return err
	}
	f, err := safetensors.Decode(content)
	if err != nil {
		return fmt.Errorf("%s: %w", inputName(path), err)
	}
	known, arch, err := supernet.ParseMetadata(f.Metadata)
	if err != nil {
		return fmt.Errorf("%s: %w", inputName(path), err)
	}
	cfg, err := importConfig(c, settings, known, arch, f.Metadata)
	if err != nil {
		return err
	}
	space, err := cfg.Supernet.Lookup()
	if err != nil {
		return err
	}
	a, err := importedArch(c, space, arch)
	if err != nil {
		return err
	}
	r, err := run.Import(newFolder(c), cfg, space.Format(a), f.Tensors, options(c))
	for _, wrong := range run.WrongSettings(err) {
		if wrong.Setting == "supernet.classes" {
			return usagef("classes of the network in %s: %s; name its images with --data and --data-dir", inputName(path), wrong.Problem)
		}
	}
	if err != nil {
		return err
	}
	defer r.Close()
	warnClasses(r, f.Metadata)
	result := importResult{Dir: r.Dir, Space: space.Name(), Arch: space.Format(a)}
	result.Tensors, result.Values = r.Imported()
	return output(c, result, result.text)
}

// warnClasses warns if the network was trained to tell other classes apart than those of the run's images.
func warnClasses(r *run.Run, metadata map[string]string) {
	var names []string
	if json.Unmarshal([]byte(metadata["class_names"]), &names) != nil || slices.Equal(names, r.Images.Classes()) {
		return
	}
	slog.Warn("the network has other classes than the images", "network", strings.Join(names, ", "), "images", strings.Join(r.Images.Classes(), ", "))
}

// importConfig returns the configuration of a run with the network that the file's metadata describe. Flags give the rest. A flag
// that contradicts the metadata is wrong use.
func importConfig(c *cli.Context, settings []setting, known supernet.Config, arch string, metadata map[string]string) (run.Config, error) {
	base := run.Default()
	if c.String("sampling") == string(train.Fixed) {
		base.Train.Path = cmp.Or(c.Args().Get(1), arch)
	}
	if known.Space != "" {
		if known.BN == "" {
			known.BN = base.Supernet.BN
		}
		known.ImageChannels = known.Images().C
		base.Supernet = known
	}
	for name, into := range map[string]*[]float64{"mean": &base.Data.Mean, "std": &base.Data.Std} {
		if text, ok := metadata[name]; ok {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				return base, fmt.Errorf("%s: metadata: %s is %.60q, not a list of numbers", inputName(c.Args().First()), name, text)
			}
			for i := range *into {
				(*into)[i] *= 255
			}
		}
	}
	cfg, err := resolve(c, base, joined(settings, computeSettings))
	if err != nil {
		return cfg, err
	}
	cfg = reseeded(c, cfg)
	for _, s := range supernetSettings {
		if s.flag == "height" || s.flag == "width" || s.flag == "gamma-init" {
			continue // the weights do not depend on them
		}
		want, _, err := fieldAt(reflect.ValueOf(run.Config{Supernet: known}), s.path)
		if err != nil {
			return cfg, err
		}
		if got, _, _ := fieldAt(reflect.ValueOf(cfg), s.path); !want.IsZero() && !got.Equal(want) {
			return cfg, usagef("--%s %v: the network of %s has %v", s.flag, got, inputName(c.Args().First()), want)
		}
	}
	return cfg, nil
}

// importedArch returns the architecture of the metadata, or that of the command line.
func importedArch(c *cli.Context, space supernet.Space, known string) (supernet.Arch, error) {
	given, path := c.Args().Get(1), inputName(c.Args().First())
	if given == "" && known == "" {
		return nil, usagef("%s does not say its architecture: give it after the file, and --space, --bn, --channels and --cells as the network has them", path)
	}
	if given == "" {
		a, err := supernet.Read(space, known)
		if err != nil {
			return nil, fmt.Errorf("%s: metadata: %q: %w", path, cut(known, 120), err)
		}
		return a, nil
	}
	archs, err := parseArchs(space, []string{given})
	if err != nil {
		return nil, err
	}
	if known != "" && space.Format(archs[0]) != known {
		return nil, usagef("argument %q: the network of %s is %s", given, path, known)
	}
	return archs[0], nil
}
