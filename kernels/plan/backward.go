package plan

import "bnas.example/kernels"

// NoNode as the start of a backward pass means the logits, and as its end all parameters.
const NoNode kernels.NodeID = -1

// Target is one addition to a node's gradient. First marks the first addition to it, Last the last one.
type Target struct {
	Node        kernels.NodeID // NoNode: the gradient is not needed
	First, Last bool
}

// Step is the part of one step in a backward pass. A convolution has one target for each of its additions, any other op
// one for each In. A target is not needed if the pass differentiates only the step's own weights.
type Step struct {
	Step    int
	Targets []Target
}

// Route gives the start and the end of a backward pass.
type Route struct {
	From    kernels.NodeID // NoNode: from the logits
	To      kernels.NodeID // NoNode: to all parameters
	Weights bool           // to convolution weights too
}

// Backward is the plan of a backward pass: the order of its steps and the lifetime of each node's gradient. A gradient
// is in use from Live.From to Live.To, in steps of this pass. The device sets Live.Size.
type Backward struct {
	Route
	Steps  []Step
	Active []bool // for each node: it has a gradient
	Live   []Interval
}

// NewBackward plans a pass. adds[i] is the number of additions of step i, if it is a convolution. nil means one each.
func NewBackward(p *kernels.Program, uses [][]Use, adds []int, r Route) *Backward {
	b := &Backward{Route: r, Active: make([]bool, len(p.Nodes)), Live: make([]Interval, len(p.Nodes))}
	need := needed(p, r)
	if r.From != NoNode {
		b.Active[r.From] = true
		b.Live[r.From].From = -1
	}
	for i := len(p.Steps) - 1; i >= 0; i-- {
		if b.reached(&p.Steps[i], uses) || r.From == NoNode && p.Steps[i].Op == kernels.OpLinear {
			n := 1
			if adds != nil && p.Steps[i].Op == kernels.OpConv {
				n = adds[i]
			}
			b.add(&p.Steps[i], i, n, need)
		}
	}
	b.markLast()
	if r.To != NoNode {
		b.Live[r.To].To = len(b.Steps)
	}
	return b
}

// add appends a step whose values have gradients, unless nothing needs its result.
func (b *Backward) add(s *kernels.Step, index, adds int, need []bool) {
	time := len(b.Steps)
	step := Step{Step: index}
	wanted := s.Op == kernels.OpLinear || b.Weights && s.Op == kernels.OpConv
	for _, node := range s.In {
		for range adds {
			t := Target{Node: NoNode}
			if need[node] && node != b.From {
				t = Target{Node: node, First: !b.Active[node]}
				if t.First {
					b.Active[node] = true
					b.Live[node].From = time
				}
				b.Live[node].To = time
				wanted = true
			}
			step.Targets = append(step.Targets, t)
		}
	}
	if wanted {
		b.Steps = append(b.Steps, step)
	}
}

// needed reports for each node whether the pass needs its gradient. If To is NoNode, these are the nodes with a
// parameter in or upstream of them; otherwise the nodes that depend on To.
func needed(p *kernels.Program, r Route) []bool {
	need := make([]bool, len(p.Nodes))
	value := make([]bool, len(p.Values))
	for i := range p.Steps {
		step := &p.Steps[i]
		useful := r.Weights && step.Op == kernels.OpConv
		for _, node := range step.In {
			need[node] = need[node] || node == r.To
			for _, t := range p.Nodes[node].Terms {
				if value[t.Value] || r.To == NoNode && t.BN != kernels.NoBN {
					need[node] = true
				}
			}
			useful = useful || need[node]
		}
		for _, v := range step.Outputs() {
			value[v] = useful
		}
	}
	return need
}

// reached reports whether a value of the step enters an active node. It extends the lifetimes of these nodes to now.
func (b *Backward) reached(s *kernels.Step, uses [][]Use) bool {
	found := false
	for _, v := range s.Outputs() {
		for _, u := range uses[v] {
			if b.Active[u.Node] {
				b.Live[u.Node].To = max(b.Live[u.Node].To, len(b.Steps))
				found = true
			}
		}
	}
	return found
}

// markLast sets Last on the final addition to each node.
func (b *Backward) markLast() {
	seen := make([]bool, len(b.Active))
	for i := len(b.Steps) - 1; i >= 0; i-- {
		for k := len(b.Steps[i].Targets) - 1; k >= 0; k-- {
			if t := &b.Steps[i].Targets[k]; t.Node != NoNode && !seen[t.Node] {
				t.Last, seen[t.Node] = true, true
			}
		}
	}
}

// Place assigns memory to the gradients of the nodes, size(node) units each. at is −1 for a node without a gradient.
func (b *Backward) Place(size func(kernels.NodeID) int) (at []int, total int) {
	at = make([]int, len(b.Active))
	var nodes []int
	var buffers []Interval
	for i, active := range b.Active {
		at[i] = -1
		if active {
			live := b.Live[i]
			live.Size = size(kernels.NodeID(i))
			nodes, buffers = append(nodes, i), append(buffers, live)
		}
	}
	placed, total := Assign(buffers)
	for k, i := range nodes {
		at[i] = placed[k]
	}
	return at, total
}
