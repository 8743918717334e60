package supernet

import (
	"maps"
	"slices"

	"bnas.example/kernels"
)

// Alone returns the Program of an architecture over parameters of its own: those that it uses, as far as it uses them, with their
// initial values. It is the network without the supernet.
func (n *Net) Alone(a Arch) (p *kernels.Program, params []kernels.Param, data [][]float32, err error) {
	if p, err = n.Program(a); err != nil {
		return nil, nil, nil, err
	}
	shapes, to := p.Shapes(), map[kernels.ParamID]kernels.ParamID{kernels.NoParam: kernels.NoParam}
	for _, id := range slices.Sorted(maps.Keys(shapes)) {
		whole := n.params[id]
		to[id] = kernels.ParamID(len(params))
		params = append(params, kernels.Param{Name: whole.Name, Kind: whole.Kind, Shape: shapes[id]})
		data = append(data, kernels.Gather(whole.View(shapes[id]...), n.Initial(id)))
	}
	for i := range p.BNs {
		p.BNs[i].Gamma, p.BNs[i].Beta = to[p.BNs[i].Gamma], to[p.BNs[i].Beta]
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		for k := range s.Branches {
			s.Branches[k].Weight = to[s.Branches[k].Weight]
		}
		if s.Op == kernels.OpLinear {
			s.Weight, s.Bias = to[s.Weight], to[s.Bias]
		}
	}
	return p, params, data, nil
}
