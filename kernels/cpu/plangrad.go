//go:build cgo

package cpu

import (
	"bnas.example/kernels"
	"bnas.example/kernels/plan"
)

// noNode as the start of a backward pass means the logits, and as its end all parameters.
const noNode = plan.NoNode

// gradPlan is the plan of a backward pass, with the offset of each node's gradient. A convolution is split into jobs (see
// convPlan); each job has its own target.
type gradPlan struct {
	layout
	steps   []plan.Step
	at      []int            // of each node's gradient, −1 where it has none
	missed  []kernels.NodeID // with BatchNorms, whose gradient the pass does not complete
	weights *weightPlan      // nil: no gradients of convolution weights
}

// planGrad plans a pass. jobs is the number of additions of each convolution step.
func planGrad(p *kernels.Program, s *savedPlan, jobs []int, r plan.Route) *gradPlan {
	b := plan.NewBackward(p, s.uses, jobs, r)
	if r.From != noNode {
		b.Live[r.From].To = len(b.Steps) // for NodeProducts
	}
	g := &gradPlan{steps: b.Steps, missed: missedNodes(s, b.Steps)}
	g.at, g.size = b.Place(func(n kernels.NodeID) int {
		return (s.n*floats(p.Nodes[n].Shape) + gap + lanes - 1) / lanes * lanes
	})
	return g
}

// missedNodes lists the nodes with BatchNorms that no step of a pass completes.
func missedNodes(s *savedPlan, steps []plan.Step) []kernels.NodeID {
	complete := make([]bool, len(s.sums))
	for _, step := range steps {
		for _, t := range step.Targets {
			if t.Last && t.Node != noNode {
				complete[t.Node] = true
			}
		}
	}
	var missed []kernels.NodeID
	for n, sum := range s.sums {
		if sum >= 0 && !complete[n] {
			missed = append(missed, kernels.NodeID(n))
		}
	}
	return missed
}
