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
	steps []plan.Step
	at    []int // of each node's gradient, −1 where it has none
}

// planGrad plans a pass from node from (noNode: from the logits) to node to (noNode: to all parameters). jobs is the
// number of additions of each convolution step.
func planGrad(p *kernels.Program, s *savedPlan, jobs []int, from, to kernels.NodeID) *gradPlan {
	b := plan.NewBackward(p, s.uses, jobs, plan.Route{From: from, To: to})
	g := &gradPlan{steps: b.Steps}
	g.at, g.size = b.Place(func(n kernels.NodeID) int {
		return (s.n*floats(p.Nodes[n].Shape) + gap + lanes - 1) / lanes * lanes
	})
	return g
}
