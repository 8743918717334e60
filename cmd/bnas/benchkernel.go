package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

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
		fmt.Fprintf(w, "%s, %d images%s\n", r.Device, r.Batch, peak)
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
// ReLU → the layer → mean → linear.
func (l layer) program() (*kernels.Program, []kernels.Param, error) {
	return supernet.Build(l.String(), l.in, func(b *supernet.Builder) {
		depthwise := supernet.Conv{Out: l.in.C, Window: kernels.Window{Kernel: 1}, Groups: l.in.C}
		x := b.Sum("in", b.BN("input.bn", b.Conv("input", b.Images(), kernels.Linear, depthwise)))
		var out []supernet.Summand
		for i := range l.siblings {
			name := fmt.Sprintf("layer.%d", i)
			c := supernet.Conv{Out: l.out.C, Window: l.window, Groups: l.groups}
			out = append(out, b.BN(name+".bn", b.Conv(name, x, kernels.ReLU, c)))
		}
		mean := b.GlobalAvg("mean", b.Sum("out", out...), kernels.Linear)
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

// timeLayer times the layer's program: forward alone, and forward with backward. The times include the small steps around
// the layer; the rates are therefore lower bounds.
func (b *benched) timeLayer(c *cli.Context, l layer) (layerResult, error) {
	p, params, err := l.program()
	if err != nil {
		return layerResult{}, err
	}
	store, err := b.Device.NewStore(params)
	if err != nil {
		return layerResult{}, err
	}
	for i, q := range params {
		v := make([]float32, q.Len())
		for k := range v {
			v[k] = 1 / float32(cmp.Or(k%7, 1))
		}
		if err := store.Write(kernels.Data, v, kernels.ParamID(i)); err != nil {
			return layerResult{}, err
		}
	}
	n := len(b.labels)
	exec, err := b.Device.Compile(p, store, n)
	if err != nil {
		return layerResult{}, err
	}
	images, labels := randomImages(p, n, b.Config.Seed)
	forward := func() error { return exec.Forward(images, n) }
	r := layerResult{Layer: l.String()}
	if r.Forward, err = repeat(c.Int("warmup"), c.Int("repeats"), forward); err != nil {
		return r, err
	}
	one := benched{exec: exec, images: images, labels: labels}
	if r.Both, err = repeat(c.Int("warmup"), c.Int("repeats"), one.step); err != nil {
		return r, err
	}
	r.GFLOPS = l.flops(n) / r.Forward.BestMS / 1e6
	if d := r.Both.BestMS - r.Forward.BestMS; d > 0 {
		r.Backward = l.flops(n) / d / 1e6
	}
	return r, nil
}
