package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"bnas.example/internal/amount"
	"bnas.example/kernels"
	"bnas.example/supernet"
)

// layer is the geometry of a convolution step. It determines the speed.
type layer struct {
	in, out  kernels.Shape
	window   kernels.Window
	groups   int
	siblings int
}

type layerResult struct {
	Layer    string  `json:"layer"`
	Count    int     `json:"count"`
	Forward  timing  `json:"forward"`
	Both     timing  `json:"forward_backward"`
	GFLOPS   float64 `json:"forward_gflops"`
	Backward float64 `json:"backward_gflops"`
}

type kernelResult struct {
	Arch       string        `json:"arch"`
	Device     string        `json:"device"`
	Batch      int           `json:"batch"`
	PeakGFLOPS float64       `json:"peak_gflops"`
	Layers     []layerResult `json:"layers"`
}

func benchKernel(c *cli.Context) error {
	b, err := openBench(c)
	if err != nil {
		return err
	}
	defer b.Close()
	r := kernelResult{Arch: b.program.Name, Device: b.Device.Info().Detail, Batch: len(b.labels), PeakGFLOPS: peakGFLOPS(b.Device)}
	layers, counts := convolutions(b.program)
	for i, l := range layers {
		one, err := b.timeLayer(c, l)
		if err != nil {
			return err
		}
		one.Count = counts[i]
		r.Layers = append(r.Layers, one)
	}
	return output(c, r, func(w io.Writer) {
		peak := ""
		if r.PeakGFLOPS > 0 {
			peak = fmt.Sprintf(", FMA peak %.0f GFLOP/s", r.PeakGFLOPS)
		}
		fmt.Fprintf(w, "%s, %s%s\n", r.Device, amount.Of(r.Batch, "image"), peak)
		fmt.Fprintln(w, "LAYER\tTIMES\tFORWARD ms\tGFLOP/s\tFORWARD+BACKWARD ms\tBACKWARD GFLOP/s")
		for _, l := range r.Layers {
			fmt.Fprintf(w, "%s\t%d\t%.2f\t%.0f%s\t%.2f\t%.0f\n", l.Layer, l.Count, l.Forward.BestMS, l.GFLOPS, percent(l.GFLOPS, r.PeakGFLOPS), l.Both.BestMS, l.Backward)
		}
	})
}

func percent(rate, peak float64) string {
	if peak == 0 {
		return ""
	}
	return fmt.Sprintf(" (%.0f %%)", 100*rate/peak)
}

// convolutions lists the distinct convolution steps of a program and the number of times that each occurs.
func convolutions(p *kernels.Program) ([]layer, []int) {
	var layers []layer
	var counts []int
	at := map[layer]int{}
	for _, s := range p.Steps {
		if s.Op != kernels.OpConv {
			continue
		}
		l := layer{p.Nodes[s.In[0]].Shape, p.Values[s.Branches[0].Out].Shape, s.Window, s.Groups, len(s.Branches)}
		i, ok := at[l]
		if !ok {
			i = len(layers)
			at[l] = i
			layers, counts = append(layers, l), append(counts, 0)
		}
		counts[i]++
	}
	return layers, counts
}

// program returns a program around the layer: images → 1×1 convolution with one group for each channel → BatchNorm and
// ReLU → the layer → mean → linear. Without the layer it is the same without it.
func (l layer) program(without bool) (*kernels.Program, []kernels.Param, error) {
	return supernet.Build(l.String(), l.in, func(b *supernet.Builder) {
		depthwise := supernet.Conv{Out: l.in.C, Window: kernels.Window{Kernel: 1}, Groups: l.in.C}
		x, act := b.Sum("in", b.BN("input.bn", b.Conv("input", b.Images(), kernels.Linear, depthwise))), kernels.ReLU
		if !without {
			var out []supernet.Summand
			for i := range l.siblings {
				name := fmt.Sprintf("layer.%d", i)
				c := supernet.Conv{Out: l.out.C, Window: l.window, Groups: l.groups}
				out = append(out, b.BN(name+".bn", b.Conv(name, x, kernels.ReLU, c)))
			}
			x, act = b.Sum("out", out...), kernels.Linear
		}
		mean := b.GlobalAvg("mean", x, act)
		b.Linear("classifier", b.Sum("pooled", b.Bare(mean)), 10)
	})
}

func (l layer) String() string {
	kind := fmt.Sprintf("%d×%d", l.window.Kernel, l.window.Kernel)
	if l.groups > 1 {
		kind += fmt.Sprintf(" groups %d", l.groups)
	}
	if l.window.Stride > 1 {
		kind += fmt.Sprintf(" stride %d", l.window.Stride)
	}
	out := fmt.Sprint(l.out.C)
	if l.siblings > 1 {
		out = fmt.Sprintf("%d·%d", l.siblings, l.out.C)
	}
	return fmt.Sprintf("%s %d→%s @%d×%d", kind, l.in.C, out, l.out.H, l.out.W)
}

// flops returns the number of operations of the direct convolution of n images.
func (l layer) flops(n int) float64 {
	return 2 * float64(n*l.siblings) * float64(l.out.Len()) * float64(l.in.C/l.groups) * float64(l.window.Kernel*l.window.Kernel)
}

// timeLayer times the layer's program, forward alone, and forward with backward, and takes off the times of the program without
// the layer. The two run in turn.
func (b *benched) timeLayer(c *cli.Context, l layer) (layerResult, error) {
	r := layerResult{Layer: l.String()}
	with, err := b.around(l, false)
	if err != nil {
		return r, err
	}
	without, err := b.around(l, true)
	if err != nil {
		return r, err
	}
	if r.Forward, err = difference(c, with.forward, without.forward); err != nil {
		return r, err
	}
	if r.Both, err = difference(c, with.step, without.step); err != nil {
		return r, err
	}
	flops := l.flops(len(b.labels))
	r.GFLOPS = rate(flops, r.Forward.BestMS)
	r.Backward = rate(flops, r.Both.BestMS-r.Forward.BestMS)
	return r, nil
}

// rate returns GFLOP/s, or 0 if the time is too short to be told from the noise.
func rate(flops, ms float64) float64 {
	if ms <= 0 {
		return 0
	}
	return flops / ms / 1e6
}

// difference times two functions in turn and returns the times of the first less those of the second.
func difference(c *cli.Context, f, g func() error) (timing, error) {
	var more, less []float64
	for i := range c.Int("warmup") + c.Int("repeats") {
		for _, x := range []struct {
			run func() error
			ms  *[]float64
		}{{f, &more}, {g, &less}} {
			t, err := repeat(0, 1, x.run)
			if err != nil {
				return timing{}, err
			}
			if i >= c.Int("warmup") {
				*x.ms = append(*x.ms, t.BestMS)
			}
		}
	}
	a, b := timingOf(more), timingOf(less)
	return timing{BestMS: max(a.BestMS-b.BestMS, 0), MedianMS: max(a.MedianMS-b.MedianMS, 0), Repeats: a.Repeats}, nil
}

// around compiles the program around the layer, or without it, with parameters that are not 0.
func (b *benched) around(l layer, without bool) (*benched, error) {
	p, params, err := l.program(without)
	if err != nil {
		return nil, err
	}
	store, err := b.Device.NewStore(params)
	if err != nil {
		return nil, err
	}
	for i, q := range params {
		v := make([]float32, q.Len())
		for k := range v {
			v[k] = 1 / float32(cmp.Or(k%7, 1))
		}
		if err := store.Write(kernels.Data, v, kernels.ParamID(i)); err != nil {
			return nil, err
		}
	}
	exec, err := b.Device.Compile(p, store, len(b.labels))
	if err != nil {
		return nil, err
	}
	images, labels := randomImages(p, len(b.labels), b.Config.Seed)
	return &benched{exec: exec, images: images, labels: labels}, nil
}
