package kernels

import "fmt"

// Elements returns the number of elements of ids together.
func Elements(params []Param, ids []ParamID) int {
	n := 0
	for _, id := range ids {
		n += params[id].Len()
	}
	return n
}

// AllIDs lists all parameters of a table.
func AllIDs(params []Param) []ParamID {
	ids := make([]ParamID, len(params))
	for i := range ids {
		ids[i] = ParamID(i)
	}
	return ids
}

// ReadEach reads a slot of ids from s, in one call, and returns an array for each parameter.
func ReadEach(s Store, slot Slot, ids ...ParamID) ([][]float32, error) {
	params := s.Params()
	if err := checkIDs(params, ids); err != nil {
		return nil, fmt.Errorf("kernels: read: %w", err)
	}
	all := make([]float32, Elements(params, ids))
	if err := s.Read(slot, all, ids...); err != nil {
		return nil, err
	}
	each := make([][]float32, len(ids))
	for i, id := range ids {
		n := params[id].Len()
		each[i], all = all[:n:n], all[n:]
	}
	return each, nil
}

// Affine returns γ and β of the BatchNorms, in their order.
func (p *Program) Affine() []ParamID {
	ids := make([]ParamID, 0, 2*len(p.BNs))
	for _, b := range p.BNs {
		ids = append(ids, b.Gamma, b.Beta)
	}
	return ids
}
