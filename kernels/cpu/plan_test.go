//go:build cgo

package cpu

import (
	"math/rand/v2"
	"testing"

	"bnas/kernels"
	"bnas/kernels/kerneltest"
)

// disjoint fails the test where two buffers share both time and memory.
func disjoint(t *testing.T, buffers []interval, at []int, size int) {
	t.Helper()
	for i, a := range buffers {
		if at[i] < 0 || at[i]+a.size > size {
			t.Fatalf("buffer %d at %d…%d of %d", i, at[i], at[i]+a.size, size)
		}
		for j, b := range buffers[:i] {
			if a.from <= b.to && b.from <= a.to && at[i] < at[j]+b.size && at[j] < at[i]+a.size {
				t.Fatalf("buffers %d %+v at %d and %d %+v at %d overlap", i, a, at[i], j, b, at[j])
			}
		}
	}
}

func TestAssign(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		var buffers []interval
		total := 0
		for range 1 + r.IntN(30) {
			from := r.IntN(20)
			b := interval{from, from + r.IntN(6), 16 * (1 + r.IntN(8))}
			buffers = append(buffers, b)
			total += b.size
		}
		at, size := assign(buffers)
		disjoint(t, buffers, at, size)
		if size > total {
			t.Fatalf("%d floats for buffers of %d", size, total)
		}
	}
}

func TestAssignReuses(t *testing.T) {
	at, size := assign([]interval{{0, 1, 32}, {1, 2, 16}, {2, 3, 32}, {3, 4, 16}})
	disjoint(t, []interval{{0, 1, 32}, {1, 2, 16}, {2, 3, 32}, {3, 4, 16}}, at, size)
	if size != 48 {
		t.Errorf("a chain of four takes %d floats, two at a time are 48", size)
	}
}

// TestPlanGrad checks, on random programs, that each node's gradient is begun once, completed once, complete before
// the steps that store its terms read it, and alone in its memory until then.
func TestPlanGrad(t *testing.T) {
	for seed := range uint64(60) {
		p := kerneltest.Random(seed).Program
		s := planSaved(p, 3)
		g := planGrad(p, s, jobCount(p), noNode, noNode)
		begun, done := make([]int, len(p.Nodes)), make([]int, len(p.Nodes))
		use := make([]interval, len(p.Nodes))
		for i := range begun {
			begun[i], done[i] = -1, -1
		}
		for time, gs := range g.steps {
			for _, v := range p.Steps[gs.step].Outputs() {
				for _, u := range s.uses[v] {
					if g.at[u.node] >= 0 {
						if done[u.node] < 0 || done[u.node] >= time {
							t.Fatalf("seed %d: step %d reads the gradient of node %d before it is complete\n%s", seed, gs.step, u.node, p)
						}
						use[u.node].to = time
					}
				}
			}
			for _, to := range gs.targets {
				if to.node == noNode {
					continue
				}
				if to.first != (begun[to.node] < 0) || done[to.node] >= 0 {
					t.Fatalf("seed %d: step %d adds %+v to a gradient begun at %d and done at %d", seed, gs.step, to, begun[to.node], done[to.node])
				}
				if to.first {
					begun[to.node] = time
					use[to.node] = interval{time, time, 3 * floats(p.Nodes[to.node].Shape)}
				}
				if to.last {
					done[to.node] = time
				}
				use[to.node].to = max(use[to.node].to, time)
			}
		}
		var buffers []interval
		var at []int
		for n := range p.Nodes {
			if (begun[n] >= 0) != (g.at[n] >= 0) || (begun[n] >= 0) != (done[n] >= 0) {
				t.Fatalf("seed %d: node %d at %d is begun at %d and done at %d", seed, n, g.at[n], begun[n], done[n])
			}
			if begun[n] >= 0 {
				buffers, at = append(buffers, use[n]), append(at, g.at[n])
			}
		}
		disjoint(t, buffers, at, g.size)
	}
}

// TestSavedBytes: of a network whose convolutions have whole blocks of channels, one float for each element of each
// value but the images, and the BatchNorms' arrays.
func TestSavedBytes(t *testing.T) {
	c := kerneltest.Cell(1, kernels.Shape{C: 16, H: 8, W: 8}, 2)
	want := int64(0)
	for _, v := range c.Program.Values[1:] {
		want += 2 * int64((v.C+15)/16*16*v.H*v.W)
	}
	for _, b := range c.Program.BNs {
		want += bnArrays * int64((c.Program.Values[b.Value].C+15)/16*16)
	}
	if got := savedBytes(c.Program, 2); got != 4*want {
		t.Errorf("%d bytes, must be %d", got, 4*want)
	}
}
