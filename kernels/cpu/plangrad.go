package cpu

import (
	"slices"

	"bnas/kernels"
)

// noNode stands for the logits as the start of a backward pass, and for every parameter as its end.
const noNode kernels.NodeID = -1

// target is one addition to a node's gradient.
type target struct {
	node        kernels.NodeID // noNode: not needed
	first, last bool
}

// gradStep is one step's part in a backward pass. A convolution is split into jobs (see convPlan), each with a target
// of its own; any other op has a target for each In.
type gradStep struct {
	step    int
	targets []target
}

// gradPlan is the order of a backward pass, and where each node's gradient lives meanwhile.
type gradPlan struct {
	layout
	n     int
	steps []gradStep
	at    []int // of each node's gradient, −1 where it has none
}

// interval is a buffer of size floats that is in use from time from to time to, both included.
type interval struct{ from, to, size int }

// planGrad goes back from node from (noNode: from the logits) to node to (noNode: to all parameters). jobs is the
// number of additions that each convolution step makes.
func planGrad(p *kernels.Program, s *savedPlan, jobs []int, from, to kernels.NodeID) *gradPlan {
	g := &gradPlan{n: s.n, at: make([]int, len(p.Nodes))}
	need := needed(p, s, to)
	live := make([]interval, len(p.Nodes))
	active := make([]bool, len(p.Nodes))
	if from != noNode {
		active[from] = true
	}
	for i := len(p.Steps) - 1; i >= 0; i-- {
		time := len(g.steps)
		if !reached(p, s, i, active, live, time) && !(from == noNode && i == len(p.Steps)-1) {
			continue
		}
		step := gradStep{step: i}
		wanted := false
		for _, node := range p.Steps[i].In {
			adds := 1
			if p.Steps[i].Op == kernels.OpConv {
				adds = jobs[i]
			}
			for range adds {
				t := target{node: noNode}
				if need[node] && node != from {
					t = target{node: node, first: !active[node]}
					if t.first {
						active[node] = true
						live[node].from = time
					}
					live[node].to = time
					wanted = true
				}
				step.targets = append(step.targets, t)
			}
		}
		if wanted || p.Steps[i].Op == kernels.OpLinear {
			g.steps = append(g.steps, step)
		}
	}
	g.markLast()
	g.place(p, active, live, from, to)
	return g
}

// needed reports, for each node, whether its gradient is of use: because a BatchNorm enters it or anything upstream
// (to == noNode), or because it depends on to.
func needed(p *kernels.Program, s *savedPlan, to kernels.NodeID) []bool {
	need := make([]bool, len(p.Nodes))
	value := make([]bool, len(p.Values))
	for i := range p.Steps {
		step := &p.Steps[i]
		any := false
		for _, node := range step.In {
			need[node] = need[node] || node == to
			for _, t := range p.Nodes[node].Terms {
				if value[t.Value] || to == noNode && t.BN != kernels.NoBN {
					need[node] = true
				}
			}
			any = any || need[node]
		}
		for _, v := range step.Outputs() {
			value[v] = any
		}
	}
	return need
}

// reached reports whether an output of step i enters an active node, and prolongs those nodes' lives to time.
func reached(p *kernels.Program, s *savedPlan, i int, active []bool, live []interval, time int) bool {
	found := false
	for _, v := range p.Steps[i].Outputs() {
		for _, u := range s.uses[v] {
			if active[u.node] {
				live[u.node].to = max(live[u.node].to, time)
				found = true
			}
		}
	}
	return found
}

// markLast sets last on the final addition to each node.
func (g *gradPlan) markLast() {
	seen := make([]bool, len(g.at))
	for i := len(g.steps) - 1; i >= 0; i-- {
		for k := len(g.steps[i].targets) - 1; k >= 0; k-- {
			if t := &g.steps[i].targets[k]; t.node != noNode && !seen[t.node] {
				t.last, seen[t.node] = true, true
			}
		}
	}
}

// place assigns the nodes' gradients to memory.
func (g *gradPlan) place(p *kernels.Program, active []bool, live []interval, from, to kernels.NodeID) {
	var nodes []int
	var buffers []interval
	for i := range g.at {
		g.at[i] = -1
		if !active[i] {
			continue
		}
		b := live[i]
		b.size = (g.n*floats(p.Nodes[i].Shape) + gap + lanes - 1) / lanes * lanes
		if kernels.NodeID(i) == from {
			b.from = -1
		}
		if kernels.NodeID(i) == to {
			b.to = len(g.steps)
		}
		nodes, buffers = append(nodes, i), append(buffers, b)
	}
	at, size := assign(buffers)
	for k, i := range nodes {
		g.at[i] = at[k]
	}
	g.size = size
}

// assign places buffers so that no two overlap in both time and memory: each, in the order of their starts, in the
// first hole that is large enough.
func assign(buffers []interval) (at []int, size int) {
	order := make([]int, len(buffers))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return buffers[a].from - buffers[b].from })
	at = make([]int, len(buffers))
	var held []int // those placed and still in use, by address
	for _, i := range order {
		held = slices.DeleteFunc(held, func(j int) bool { return buffers[j].to < buffers[i].from })
		hole, k := 0, 0
		for ; k < len(held); k++ {
			if at[held[k]]-hole >= buffers[i].size {
				break
			}
			hole = at[held[k]] + buffers[held[k]].size
		}
		at[i] = hole
		held = slices.Insert(held, k, i)
		size = max(size, hole+buffers[i].size)
	}
	return at, size
}
