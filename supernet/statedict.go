package supernet

import (
	"fmt"

	"bnas.example/kernels"
)

// StateDict is an architecture with its numbers, in the modules and names of the space's own PyTorch code.
type StateDict struct {
	Program *kernels.Program
	// Modules are in the order of that code. Those without a path to the logits are among them: the Program lacks their
	// parameters.
	Modules []Module
}

// Module is a PyTorch module with parameters.
type Module struct {
	Name           string
	Kind           ModuleKind
	Param          kernels.ParamID // of the weight or γ
	Conv           Conv            // the geometry of a convolution
	Weight, Bias   Array           // of a BatchNorm γ and β; a convolution has no bias
	Mean, Variance Array           // running statistics of a BatchNorm; the variance is biased
}

// ModuleKind is the class of a Module.
type ModuleKind int

const (
	ConvModule      ModuleKind = iota // torch.nn.Conv2d without bias
	BatchNormModule                   // torch.nn.BatchNorm2d
	LinearModule                      // torch.nn.Linear
)

// Array is a tensor of a StateDict. The values are in row-major order.
type Array struct {
	Name   string
	Shape  []int
	Values []float32
}

// StateDict returns an architecture with the parameters of store and the running statistics of stats. A BatchNorm without a
// path to the logits has μ = 0 and σ² = 1. A parameter of which the architecture uses a part has the shape of this part.
func (n *Net) StateDict(store kernels.Store, a Arch, stats Statistics) (*StateDict, error) {
	b, err := n.record(a)
	if err != nil {
		return nil, err
	}
	d := &StateDict{}
	if d.Program, err = b.program(n.Space.Format(a)); err != nil {
		return nil, err
	}
	running, err := stats.byBN(d.Program)
	if err != nil {
		return nil, err
	}
	for _, m := range b.modules {
		out := Module{Name: m.name, Kind: m.kind, Param: m.params[0], Conv: m.conv}
		for i, into := range []*Array{&out.Weight, &out.Bias}[:len(m.params)] {
			if *into, err = n.array(store, b, m.params[i], m.shapes[i]); err != nil {
				return nil, err
			}
		}
		if m.kind == BatchNormModule {
			shape := m.shapes[0]
			mean, variance := running[m.params[0]].float32s(shape[0])
			out.Mean = Array{m.name + ".running_mean", shape, mean}
			out.Variance = Array{m.name + ".running_var", shape, variance}
		}
		d.Modules = append(d.Modules, out)
	}
	return d, nil
}

// Of returns the module with this weight or γ. It is nil if there is none.
func (d *StateDict) Of(id kernels.ParamID) *Module {
	for i := range d.Modules {
		if d.Modules[i].Param == id {
			return &d.Modules[i]
		}
	}
	return nil
}

// array reads the part of a parameter with the given shape.
func (n *Net) array(store kernels.Store, b *Builder, id kernels.ParamID, shape []int) (Array, error) {
	p := n.params[id]
	v := make([]float32, p.Len())
	if err := store.Read(kernels.Data, v, id); err != nil {
		return Array{}, fmt.Errorf("supernet: %s: %w", p.Name, err)
	}
	return Array{b.exported[id], shape, kernels.Gather(p.View(shape...), v)}, nil
}
