// Package plan is what every device must know of a Program before it runs it: where values are used, the order of a
// backward pass, and which buffers may share memory.
package plan

import "bnas.example/kernels"

// Use is one place where a value enters a node.
type Use struct {
	Node kernels.NodeID
	BN   kernels.BNID
}

// Uses lists the places of each value.
func Uses(p *kernels.Program) [][]Use {
	uses := make([][]Use, len(p.Values))
	for i, node := range p.Nodes {
		for _, t := range node.Terms {
			uses[t.Value] = append(uses[t.Value], Use{kernels.NodeID(i), t.BN})
		}
	}
	return uses
}
