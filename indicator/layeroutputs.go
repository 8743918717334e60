package indicator

import (
	"fmt"
	"math"

	"bnas.example/kernels"
)

// module is a kind of layer of the authors' network.
type module int

const (
	convolutionModule module = iota
	normModule
	rectifierModule
	poolModule
	linearModule
)

// output is what a layer of the untrained standard network gives for the first images: images×shape.
type output struct {
	kernels.Shape
	module module
	name   string
	x      []float32
	times  int // layers of the authors' network that give it
}

// eachOutput calls f with the output of every layer for the first images, of n in the last Forward.
func (s standard) eachOutput(n int, first func(kernels.Shape) int, f func(output) error) error {
	norms, err := s.norms()
	if err != nil {
		return err
	}
	p := s.program
	read := func(t kernels.Tap, shape kernels.Shape, name string) ([]float32, error) {
		x := make([]float32, n*shape.Len())
		if err := s.exec.Read(t, x); err != nil {
			return nil, fmt.Errorf("%s of the untrained standard network: %w", name, err)
		}
		return x[:min(first(shape), n)*shape.Len()], nil
	}
	for i := range p.Steps {
		step := &p.Steps[i]
		if step.Act != kernels.Linear {
			for _, in := range step.In {
				node := p.Nodes[in]
				x, err := read(kernels.NodeTap(in), node.Shape, node.Name)
				if err != nil {
					return err
				}
				rectify(x, step.Act)
				if err := f(output{node.Shape, rectifierModule, node.Name, x, step.ReLUs}); err != nil {
					return err
				}
			}
		}
		for _, v := range step.Outputs() {
			value := p.Values[v]
			x, err := read(kernels.ValueTap(v), value.Shape, value.Name)
			if err != nil {
				return err
			}
			if m, ok := modules[step.Op]; ok {
				if err := f(output{value.Shape, m, value.Name, x, 1}); err != nil {
					return err
				}
			}
			for _, b := range norms[v] {
				if err := f(output{value.Shape, normModule, b.name, b.of(x, value.Shape), 1}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// modules are the operations that are a layer. Sums, concatenations and the global average are none.
var modules = map[kernels.Op]module{
	kernels.OpConv: convolutionModule, kernels.OpMaxPool: poolModule, kernels.OpAvgPool: poolModule, kernels.OpLinear: linearModule,
}

// rectify applies an activation to x.
func rectify(x []float32, act kernels.Activation) {
	for i, v := range x {
		x[i] = max(v, 0)
		if act == kernels.ReLU6 {
			x[i] = min(x[i], 6)
		}
	}
}

// norm is a BatchNorm as y = scale·x + shift, by channel.
type norm struct {
	name         string
	scale, shift []float64
}

// norms returns the BatchNorms of each value, with the statistics of the last Forward.
func (s standard) norms() (map[kernels.ValueID][]norm, error) {
	p := s.program
	gamma, beta, err := readAffine(s.store, kernels.Data, p)
	if err != nil {
		return nil, err
	}
	mean, variance := make([]float64, p.BNParams()/2), make([]float64, p.BNParams()/2)
	if err := s.exec.Statistics(mean, variance); err != nil {
		return nil, fmt.Errorf("statistics of the untrained standard network: %w", err)
	}
	all := map[kernels.ValueID][]norm{}
	at := 0
	for b, bn := range p.BNs {
		c := p.Values[bn.Value].C
		n := norm{bn.Name, make([]float64, c), make([]float64, c)}
		for k := range c {
			n.scale[k] = gamma[b][k] / math.Sqrt(variance[at+k]+bn.Eps)
			n.shift[k] = beta[b][k] - n.scale[k]*mean[at+k]
		}
		all[bn.Value] = append(all[bn.Value], n)
		at += c
	}
	return all, nil
}

// of normalises x.
func (b norm) of(x []float32, s kernels.Shape) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		c := i / (s.H * s.W) % s.C
		y[i] = float32(b.scale[c]*float64(v) + b.shift[c])
	}
	return y
}
