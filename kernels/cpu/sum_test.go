//go:build cgo

package cpu

import (
	"slices"
	"testing"

	"bnas.example/kernels"
)

// chain returns a program of three convolutions a, b and c, whose BatchNorms enter nodes 1, 2 and 3, and of three sums: s1 of node 1,
// which has bn(a), s2 of node 2, s1 + bn(b), and s3 of node 3, s2 + bn(c). Node 4 is s3.
func chain() *kernels.Program {
	s := kernels.Shape{C: 16, H: 4, W: 4}
	p := &kernels.Program{}
	for _, name := range []string{"images", "a", "b", "c", "s1", "s2", "s3"} {
		p.Values = append(p.Values, kernels.Value{Name: name, Shape: s})
	}
	bare := func(v kernels.ValueID) kernels.Term { return kernels.Term{Value: v, BN: kernels.NoBN} }
	for bn, v := range []kernels.ValueID{1, 2, 3} {
		p.BNs = append(p.BNs, kernels.BN{Value: v, Gamma: kernels.ParamID(2 * bn), Beta: kernels.ParamID(2*bn + 1), Eps: 1})
	}
	for _, terms := range [][]kernels.Term{
		{bare(0)}, {{Value: 1, BN: 0}}, {bare(4), {Value: 2, BN: 1}}, {bare(5), {Value: 3, BN: 2}}, {bare(6)},
	} {
		p.Nodes = append(p.Nodes, kernels.Node{Shape: s, Terms: terms})
	}
	conv := func(in kernels.NodeID, out kernels.ValueID) kernels.Step {
		return kernels.Step{Op: kernels.OpConv, In: []kernels.NodeID{in}, Branches: []kernels.Branch{{Out: out}}}
	}
	sum := func(in kernels.NodeID, out kernels.ValueID) kernels.Step {
		return kernels.Step{Op: kernels.OpSum, In: []kernels.NodeID{in}, Out: out}
	}
	p.Steps = []kernels.Step{conv(0, 1), conv(1, 2), sum(1, 4), conv(2, 3), sum(2, 5), sum(3, 6)}
	return p
}

// TestLoads: a sum is not stored if each load that reads it has room for its terms, in their order.
func TestLoads(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(p *kernels.Program)
		stored []string // of the sums
		last   []kernels.ValueID
	}{
		{"a chain", func(*kernels.Program) {}, nil, []kernels.ValueID{1, 2, 3}},
		{"no room", func(p *kernels.Program) { p.Nodes[4].Terms = append(p.Nodes[4].Terms, p.Nodes[0].Terms...) }, []string{"s3"}, []kernels.ValueID{6, 0}},
		{"twice", func(p *kernels.Program) { p.Nodes[3].Terms[1] = p.Nodes[3].Terms[0] }, []string{"s2"}, []kernels.ValueID{5, 5}},
		{"behind another term", func(p *kernels.Program) { slices.Reverse(p.Nodes[3].Terms) }, []string{"s2"}, []kernels.ValueID{3, 5}},
		{"one term behind another", func(p *kernels.Program) { slices.Reverse(p.Nodes[2].Terms) }, nil, []kernels.ValueID{2, 1, 3}},
		{"an activation", func(p *kernels.Program) { p.Steps[2].Act = kernels.ReLU }, []string{"s1"}, []kernels.ValueID{4, 2, 3}},
		{"a BatchNorm", func(p *kernels.Program) {
			p.Nodes[2].Terms[0].BN, p.BNs[0].Value = 0, 4
			p.Nodes[1].Terms[0].BN = kernels.NoBN
		}, []string{"s1"}, []kernels.ValueID{4, 2, 3}},
		{"a factor of the sum", func(p *kernels.Program) { p.Nodes[2].Terms[0].Factor = true }, []string{"s1"}, []kernels.ValueID{4, 2, 3}},
		{"a factor of its term", func(p *kernels.Program) { p.Nodes[1].Terms[0].Factor = true }, nil, []kernels.ValueID{1, 2, 3}},
		{"nothing to add", func(p *kernels.Program) { p.Nodes[1].Terms = nil }, []string{"s1"}, []kernels.ValueID{4, 2, 3}},
		{"of the images", func(p *kernels.Program) { p.Nodes[1].Terms = p.Nodes[0].Terms }, nil, []kernels.ValueID{0, 2, 3}},
	} {
		p := chain()
		c.change(p)
		plan := planSaved(p, 1, Strict)
		var stored []string
		for v := 4; v <= 6; v++ {
			if plan.values[v].sum == nil {
				stored = append(stored, p.Values[v].Name)
			}
		}
		var last []kernels.ValueID
		for _, term := range plan.loads[4].list() {
			last = append(last, term.value)
		}
		if !slices.Equal(stored, c.stored) || !slices.Equal(last, c.last) {
			t.Errorf("%s: stored are %v and the last node loads %v, must be %v and %v", c.name, stored, last, c.stored, c.last)
		}
	}
	p := chain()
	p.Nodes[1].Terms = p.Nodes[0].Terms
	if planSaved(p, 1, Fast).values[4].sum != nil {
		t.Error("fast: a sum of images in float32 is not stored in 16 bits")
	}
}
