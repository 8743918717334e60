// Package plan holds the planning of a Program that devices share: the uses of its values, the order of a backward pass,
// and the sharing of memory between buffers.
package plan

import "bnas.example/kernels"

// Use is one place at which a value enters a node.
type Use struct {
	Node kernels.NodeID
	BN   kernels.BNID
	Row  int // of its factors, or kernels.NoFactor
}

// Uses lists the uses of each value.
func Uses(p *kernels.Program) [][]Use {
	uses, count, terms := make([][]Use, len(p.Values)), make([]int, len(p.Values)), 0
	for _, node := range p.Nodes {
		for _, t := range node.Terms {
			count[t.Value]++
		}
		terms += len(node.Terms)
	}
	all := make([]Use, terms)
	for v, n := range count {
		uses[v], all = all[:0:n], all[n:]
	}
	rows := p.FactorRows()
	for i, node := range p.Nodes {
		for k, t := range node.Terms {
			uses[t.Value] = append(uses[t.Value], Use{kernels.NodeID(i), t.BN, rows[i][k]})
		}
	}
	return uses
}
