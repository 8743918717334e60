package kernels

import "slices"

// View is the part of a parameter that a Program uses: Rows rows of Len elements. Row r starts at element r·Stride.
//
// A Program may use the leading channels of a parameter: the first C elements of a γ and β of more channels, and the
// weights [:out, :in/groups] of a convolution with more outputs and inputs. A search space in which the width of an
// operator depends on the rest of the network shares its weights so.
type View struct{ Rows, Len, Stride int }

// View returns the part of p that a use of the given shape reads. No size of shape may be larger than that of p, and only
// the first two may be smaller (see Program.CheckParams).
func (p Param) View(shape ...int) View {
	v := View{Rows: 1, Len: 1, Stride: 1}
	for i, n := range shape {
		if i == 0 && len(shape) > 1 {
			v.Rows = n
			continue
		}
		v.Len *= n
		v.Stride *= p.Shape[i]
	}
	return v
}

// dense reports whether the elements of v are the first of its parameter.
func (v View) dense() bool { return v.Rows == 1 || v.Len == v.Stride }

// Gather returns the elements of v, row after row. It returns a slice of whole itself where they lie so.
func Gather[T any](v View, whole []T) []T {
	if v.dense() {
		return whole[:v.Rows*v.Len]
	}
	part := make([]T, 0, v.Rows*v.Len)
	for r := range v.Rows {
		part = append(part, whole[r*v.Stride:][:v.Len]...)
	}
	return part
}

// Scatter writes part to the elements of v, row after row, and zeros to the rest of whole.
func Scatter[T any](v View, whole, part []T) {
	clear(whole)
	for r := range v.Rows {
		copy(whole[r*v.Stride:][:v.Len], part[r*v.Len:])
	}
}

// WeightShape returns the shape in which a branch of an OpConv step uses its weight: [out, in/groups, kernel, kernel].
func (p *Program) WeightShape(s *Step, b Branch) []int {
	return []int{p.Values[b.Out].C, p.Nodes[s.In[0]].C / s.Groups, s.Kernel, s.Kernel}
}

// Shapes returns the shape in which p uses each of its parameters.
func (p *Program) Shapes() map[ParamID][]int {
	shapes := map[ParamID][]int{}
	p.eachParam(func(id ParamID, _ paramUser, _ ParamKind, shape []int) { shapes[id] = slices.Clone(shape) })
	return shapes
}

// ReadAffine reads a slot of the γ and β of every BN of p, as many elements as the BN has channels.
func ReadAffine(s Store, slot Slot, p *Program) (gamma, beta [][]float32, err error) {
	all, err := ReadEach(s, slot, p.Affine()...)
	if err != nil {
		return nil, nil, err
	}
	for i, b := range p.BNs {
		c := p.Values[b.Value].C
		gamma, beta = append(gamma, all[2*i][:c]), append(beta, all[2*i+1][:c])
	}
	return gamma, beta, nil
}
