package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"bnas.example/kernels"
)

// layer is a convolution step's geometry: what decides its speed.
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
	b, err := openBench(c, 64)
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

// convolutions lists the distinct convolution steps of a program and how often each is in it.
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

// program is the layer alone between a BatchNorm-and-ReLU load and a classifier: images → 1×1 convolution of one
// group a channel, whose output the layer loads → the layer → mean → linear.
func (l layer) program() (*kernels.Program, []kernels.Param) {
	p := &kernels.Program{Name: l.String()}
	var params []kernels.Param
	param := func(kind kernels.ParamKind, shape ...int) kernels.ParamID {
		params = append(params, kernels.Param{Name: fmt.Sprintf("p%d", len(params)), Kind: kind, Shape: shape})
		return kernels.ParamID(len(params) - 1)
	}
	value := func(s kernels.Shape) kernels.ValueID {
		p.Values = append(p.Values, kernels.Value{Name: fmt.Sprintf("v%d", len(p.Values)), Shape: s})
		return kernels.ValueID(len(p.Values) - 1)
	}
	node := func(s kernels.Shape, terms ...kernels.Term) kernels.NodeID {
		p.Nodes = append(p.Nodes, kernels.Node{Name: fmt.Sprintf("n%d", len(p.Nodes)), Shape: s, Terms: terms})
		return kernels.NodeID(len(p.Nodes) - 1)
	}
	bn := func(v kernels.ValueID) kernels.Term {
		c := p.Values[v].C
		p.BNs = append(p.BNs, kernels.BN{Name: fmt.Sprintf("bn%d", len(p.BNs)), Value: v, Gamma: param(kernels.Gamma, c), Beta: param(kernels.Beta, c), Eps: 1e-5})
		return kernels.Term{Value: v, BN: kernels.BNID(len(p.BNs) - 1)}
	}
	images := node(l.in, kernels.Term{Value: value(l.in), BN: kernels.NoBN})
	first := value(l.in)
	p.Steps = append(p.Steps, kernels.Step{
		Name: "input", Op: kernels.OpConv, In: []kernels.NodeID{images}, Window: kernels.Window{Kernel: 1, Stride: 1, Dilation: 1},
		Groups: l.in.C, Branches: []kernels.Branch{{Weight: param(kernels.ConvWeight, l.in.C, 1, 1, 1), Out: first}},
	})
	step := kernels.Step{Name: "layer", Op: kernels.OpConv, In: []kernels.NodeID{node(l.in, bn(first))}, Act: kernels.ReLU, Window: l.window, Groups: l.groups, ReLUs: 1}
	var sum []kernels.Term
	for range l.siblings {
		out := value(l.out)
		step.Branches = append(step.Branches, kernels.Branch{Weight: param(kernels.ConvWeight, l.out.C, l.in.C/l.groups, l.window.Kernel, l.window.Kernel), Out: out})
		sum = append(sum, bn(out))
	}
	p.Steps = append(p.Steps, step)
	pooled := value(kernels.Shape{C: l.out.C, H: 1, W: 1})
	p.Steps = append(p.Steps, kernels.Step{Name: "mean", Op: kernels.OpGlobalAvg, In: []kernels.NodeID{node(l.out, sum...)}, Out: pooled})
	logits := value(kernels.Shape{C: 10, H: 1, W: 1})
	p.Steps = append(p.Steps, kernels.Step{
		Name: "classifier", Op: kernels.OpLinear, In: []kernels.NodeID{node(p.Values[pooled].Shape, kernels.Term{Value: pooled, BN: kernels.NoBN})},
		Out: logits, Weight: param(kernels.LinearWeight, 10, l.out.C), Bias: kernels.NoParam,
	})
	return p, params
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

// flops of the direct convolution of n images.
func (l layer) flops(n int) float64 {
	return 2 * float64(n*l.siblings) * float64(l.out.Len()) * float64(l.in.C/l.groups) * float64(l.window.Kernel*l.window.Kernel)
}

// timeLayer times the layer's program forward, and forward and backward. The little around the layer is timed with
// it, so the rates are lower bounds.
func (b *benched) timeLayer(c *cli.Context, l layer) (layerResult, error) {
	p, params := l.program()
	store, err := b.Device.NewStore(params)
	if err != nil {
		return layerResult{}, err
	}
	for i, q := range params {
		v := make([]float32, q.Len())
		for k := range v {
			v[k] = 1 / float32(cmp.Or(k%7, 1))
		}
		if err := store.Write(kernels.ParamID(i), kernels.Data, v); err != nil {
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
