package cpu

import (
	"bnas.example/kernels"
	"bnas.example/kernels/plan"
)

// noNode stands for the logits as the start of a backward pass, and for every parameter as its end.
const noNode = plan.NoNode

// gradPlan is a backward pass, and where each node's gradient lives meanwhile. A convolution is split into jobs (see
// convPlan), each with a target of its own.
type gradPlan struct {
	layout
	steps []plan.Step
	at    []int // of each node's gradient, −1 where it has none
}

// planGrad goes back from node from (noNode: from the logits) to node to (noNode: to all parameters). jobs is the
// number of additions that each convolution step makes.
func planGrad(p *kernels.Program, s *savedPlan, jobs []int, from, to kernels.NodeID) *gradPlan {
	b := plan.NewBackward(p, s.uses, jobs, plan.Route{From: from, To: to})
	g := &gradPlan{steps: b.Steps}
	g.at, g.size = b.Place(func(n kernels.NodeID) int {
		return (s.n*floats(p.Nodes[n].Shape) + gap + lanes - 1) / lanes * lanes
	})
	return g
}
