package plan_test

import (
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
	"bnas.example/kernels/plan"
)

// TestBackward checks random programs. The gradient of each node is begun once and completed once. It is complete before
// the steps that store its terms read it. Until then no other gradient has its memory.
func TestBackward(t *testing.T) {
	for seed := range uint64(60) {
		for _, weights := range []bool{false, true} {
			check(t, kerneltest.Random(seed).Program, weights)
		}
	}
}

func check(t *testing.T, p *kernels.Program, weights bool) {
	uses := plan.Uses(p)
	b := plan.NewBackward(p, uses, nil, plan.Route{From: plan.NoNode, To: plan.NoNode, Weights: weights})
	size := func(n kernels.NodeID) int { return p.Nodes[n].Len() }
	at, total := b.Place(size)
	begun, done := make([]int, len(p.Nodes)), make([]int, len(p.Nodes))
	live := make([]plan.Interval, len(p.Nodes))
	for i := range begun {
		begun[i], done[i] = -1, -1
	}
	for time, s := range b.Steps {
		for _, v := range p.Steps[s.Step].Outputs() {
			for _, u := range uses[v] {
				if at[u.Node] < 0 {
					continue
				}
				if done[u.Node] < 0 || done[u.Node] >= time {
					t.Fatalf("step %d reads the gradient of node %d before it is complete\n%s", s.Step, u.Node, p)
				}
				live[u.Node].To = time
			}
		}
		for _, to := range s.Targets {
			if to.Node == plan.NoNode {
				continue
			}
			if to.First != (begun[to.Node] < 0) || done[to.Node] >= 0 {
				t.Fatalf("step %d adds %+v to a gradient begun at %d and done at %d", s.Step, to, begun[to.Node], done[to.Node])
			}
			if to.First {
				begun[to.Node] = time
				live[to.Node] = plan.Interval{From: time, Size: size(to.Node)}
			}
			if to.Last {
				done[to.Node] = time
			}
			live[to.Node].To = max(live[to.Node].To, time)
		}
	}
	for n := range p.Nodes {
		if (begun[n] >= 0) != (at[n] >= 0) || (begun[n] >= 0) != (done[n] >= 0) {
			t.Fatalf("node %d at %d is begun at %d and done at %d", n, at[n], begun[n], done[n])
		}
		for m := range n {
			a, b := live[m], live[n]
			if at[m] >= 0 && at[n] >= 0 && a.From <= b.To && b.From <= a.To && at[m] < at[n]+b.Size && at[n] < at[m]+a.Size {
				t.Fatalf("nodes %d and %d overlap: %+v at %d, %+v at %d", m, n, a, at[m], b, at[n])
			}
		}
		if at[n] >= 0 && at[n]+live[n].Size > total {
			t.Fatalf("node %d ends after %d", n, total)
		}
	}
}
