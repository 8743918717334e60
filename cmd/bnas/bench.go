package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
	"bnas.example/philox"
	"bnas.example/run"
	"bnas.example/supernet"
)

func benchCommand() *cli.Command {
	flags := func(settings []setting, own ...cli.Flag) []cli.Flag {
		own = append(own, intFlag("repeats", "`N` timed repetitions", 9, 1, most), intFlag("warmup", "`N` repetitions before those", 2, 0, most))
		return append(flags(settings, computeSettings), own...)
	}
	step := func(batch int, settings ...setting) []cli.Flag {
		arch := textFlag("arch", "the architecture `ARCH`", "all3x3")
		arch.Value = "all3x3"
		return flags(joined(supernetSettings, settings), intFlag("batch", "`N` images", batch, 1, 65536), arch)
	}
	return &cli.Command{
		Name:  "bench",
		Usage: "time a training step, its convolutions, a tangent kernel, or scoring",
		Subcommands: []*cli.Command{
			{
				Name: "step", Usage: "one training step: forward, cross-entropy, backward, and with --train all the update",
				Flags: append(step(64, trainedSetting...), profileFlag), Action: benchStep,
				Description: "bnas bench step --bn standard --arch all3x3 --batch 64 --threads 2" + archHelp,
			},
			{
				Name: "kernel", Usage: "every distinct convolution of an architecture, forward and input gradient",
				Flags: step(64), Action: benchKernel,
				Description: "bnas bench kernel --arch mixed" + archHelp,
			},
			{
				Name: "ntk", Usage: "the tangent kernel of γ and β, trace over all logits, with its eigenvalues",
				Flags: step(32), Action: benchNTK,
				Description: "bnas bench ntk --arch all3x3 --batch 32" + archHelp,
			},
			{
				Name: "score", Usage: "all terms of random architectures, one repetition each",
				Flags: flags(joined(supernetSettings, imageSettings, measureSettings)), Action: benchScore,
				Description: "bnas bench score --repeats 50",
			},
		},
	}
}

// timing holds the times of repeated calls.
type timing struct {
	BestMS   float64 `json:"best_ms"`
	MedianMS float64 `json:"median_ms"`
	Repeats  int     `json:"repeats"`
}

// repeat calls f a few times without timing, then times repeated calls.
func repeat(warmup, repeats int, f func() error) (timing, error) {
	var ms []float64
	for i := range warmup + repeats {
		start := time.Now()
		if err := f(); err != nil {
			return timing{}, err
		}
		if i >= warmup {
			ms = append(ms, float64(time.Since(start))/float64(time.Millisecond))
		}
	}
	return timingOf(ms), nil
}

// timingOf sorts the times.
func timingOf(ms []float64) timing {
	slices.Sort(ms)
	return timing{BestMS: ms[0], MedianMS: ms[len(ms)/2], Repeats: len(ms)}
}

// benched is an architecture on a device with a batch of random images.
type benched struct {
	*run.Run
	arch    supernet.Arch
	program *kernels.Program
	exec    kernels.Exec
	images  []float32
	labels  []int
	trained []kernels.ParamID // with weights among them; nil: the step computes the gradients of γ and β, and updates nothing
}

func openBench(c *cli.Context, settings ...setting) (*benched, error) {
	cfg, err := configOf(c, joined(supernetSettings, settings)...)
	if err != nil {
		return nil, err
	}
	r, err := run.Network(cfg, options(c))
	if err != nil {
		return nil, err
	}
	b := &benched{Run: r}
	if err := b.load(c); err != nil {
		r.Close()
		return nil, err
	}
	return b, nil
}

func (b *benched) load(c *cli.Context) error {
	var err error
	if b.arch, err = parseArch(b.Net.Space, c.String("arch")); err != nil {
		if !c.IsSet("arch") {
			return usagef("give an architecture of %s with --arch: it has no %s, the default", b.Net.Space.Name(), c.String("arch"))
		}
		return usagef("--arch %.120q: %w", c.String("arch"), err)
	}
	if b.program, err = b.Net.Program(b.arch); err != nil {
		return err
	}
	batch := c.Int("batch")
	b.images, b.labels = randomImages(b.program, batch, b.Config.Seed)
	b.exec, err = b.Device.Compile(b.program, b.Store, batch)
	return err
}

// randomImages returns N(0,1) pixels and uniform labels.
func randomImages(p *kernels.Program, n int, seed uint64) ([]float32, []int) {
	images := make([]float32, n*p.Values[kernels.Images].Len())
	philox.New(seed, "bench images", 0).Normal(images, 1)
	labels := make([]int, n)
	r := philox.New(seed, "bench labels", 0)
	for i := range labels {
		labels[i] = r.IntN(p.Classes())
	}
	return images, labels
}

// peakGFLOPS returns the peak rate of multiply-adds of the device's threads, or 0 if it cannot be measured.
func peakGFLOPS(d kernels.Device) float64 {
	if d.Info().Name != "cpu" {
		return 0
	}
	one, err := cpu.PeakFLOPS("")
	if err != nil {
		return 0
	}
	return one * float64(d.Info().Threads) / 1e9
}

type stepResult struct {
	Arch   string            `json:"arch"`
	Train  supernet.TrainSet `json:"train"`
	Device string            `json:"device"`
	Batch  int               `json:"batch"`
	timing
	GFLOPS     float64  `json:"gflops"`
	PeakGFLOPS float64  `json:"peak_gflops"`
	SavedBytes int64    `json:"saved_bytes"`
	Profile    *profile `json:"profile,omitempty"`
}

func benchStep(c *cli.Context) error {
	b, err := openBench(c, trainedSetting...)
	if err != nil {
		return err
	}
	defer b.Close()
	if _, ok := kernels.Unwrap(b.exec).(kernels.Profiler); c.Bool(profileFlag.Name) && !ok {
		return usagef("--profile is for the CPU engine; the device is %s", b.Device.Info().Name)
	}
	// Forward and input gradient of every convolution, direct: the stem's input gradient is not needed.
	flops := 4 * float64(b.program.MACs()) * float64(len(b.labels))
	if set := b.Config.Train.Train; set == supernet.All {
		b.trained = b.Net.Trainable(set, b.program)
		flops *= 1.5 // with the gradient of the weights
	}
	t, err := repeat(c.Int("warmup"), c.Int("repeats"), b.step)
	if err != nil {
		return err
	}
	r := stepResult{
		Arch: b.program.Name, Train: b.Config.Train.Train, Device: b.Device.Info().Detail, Batch: len(b.labels), timing: t,
		GFLOPS: flops / t.BestMS / 1e6, PeakGFLOPS: peakGFLOPS(b.Device), SavedBytes: b.exec.SavedBytes(len(b.labels)),
	}
	if c.Bool(profileFlag.Name) {
		if r.Profile, err = b.profile(c.Int("repeats"), r.PeakGFLOPS); err != nil {
			return err
		}
	}
	return output(c, r, func(w io.Writer) {
		fmt.Fprintf(w, "step\t%s\n", r.Arch)
		fmt.Fprintf(w, "trained\t%s\n", r.Train)
		fmt.Fprintf(w, "device\t%s\n", r.Device)
		fmt.Fprintf(w, "images\t%d\n", r.Batch)
		fmt.Fprintf(w, "best, median\t%.1f ms, %.1f ms of %d\n", r.BestMS, r.MedianMS, r.Repeats)
		fmt.Fprintf(w, "rate\t%.0f GFLOP/s of direct convolution%s\n", r.GFLOPS, shareOf(r.GFLOPS, r.PeakGFLOPS))
		fmt.Fprintf(w, "saved for the backward pass\t%s\n", byteSize(r.SavedBytes))
		if r.Profile != nil {
			r.Profile.write(w)
		}
	})
}

func shareOf(rate, peak float64) string {
	if peak == 0 {
		return ""
	}
	return fmt.Sprintf(", %.0f %% of the FMA peak, %.0f", 100*rate/peak, peak)
}

func (b *benched) forward() error { return b.exec.Forward(b.images, len(b.labels)) }

func (b *benched) step() error {
	if err := b.forward(); err != nil {
		return err
	}
	if err := b.exec.CrossEntropy(b.labels, 0); err != nil {
		return err
	}
	if err := b.exec.Backward(kernels.DifferentiateStatistics, b.trained != nil); err != nil {
		return err
	}
	if b.trained != nil {
		if _, err := b.Store.Update(benchRule, b.trained); err != nil {
			return err
		}
	}
	_, _, err := b.exec.Loss()
	return err
}

// benchRule changes the weights so little that many steps at random images remain finite.
var benchRule = kernels.Update{Kind: kernels.SGD, LR: 1e-4, Momentum: 0.9}
