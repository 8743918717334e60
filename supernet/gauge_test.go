package supernet

import (
	"math"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/philox"
)

// The gauge of γ and β: in the fair placement all γ and β that enter a node can be scaled by one factor. If every consumer
// of the node ends in a BatchNorm, the logits change only through ε. The shortcut of a reduction has no BatchNorm.
// Therefore the node before a reduction and the output of the reduction have the same factor.

// gaugeNet is a small network with random γ and β on the reference device.
type gaugeNet struct {
	t       *testing.T
	net     *Net
	program *kernels.Program
	store   kernels.Store
	exec    kernels.Exec
	images  []float32
	labels  []int
}

// mixedCell has all operators but none. Every node has a consumer that mixes channels; behind identities and pools alone, γ
// and β would have no gradient at all.
const mixedCell = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|skip_connect~1|nor_conv_3x3~2|"

func newGaugeNet(t *testing.T, bn Placement, eps float64) *gaugeNet {
	t.Helper()
	n := build(t, Config{Space: "nas-bench-201", BN: bn, Seed: 3, Channels: 4, Cells: 2, Height: 8, Width: 8})
	p := programOf(t, n, mixedCell)
	for i := range p.BNs {
		p.BNs[i].Eps = eps
	}
	g := &gaugeNet{t: t, net: n, program: p, labels: []int{0, 1, 2, 3, 4, 5, 6, 7}}
	g.images = make([]float32, len(g.labels)*p.Values[kernels.Images].Len())
	philox.New(5, "images", 0).Normal(g.images, 1)
	device := ref.New()
	var err error
	if g.store, err = device.NewStore(n.Params()); err != nil {
		t.Fatal(err)
	}
	if err := n.Fill(g.store); err != nil {
		t.Fatal(err)
	}
	r := philox.New(6, "affine", 0)
	for id, q := range n.Params() {
		switch v := make([]float32, q.Len()); q.Kind {
		case kernels.Gamma, kernels.Beta:
			for i := range v {
				v[i] = float32(0.5 + r.Float64())
			}
			g.write(kernels.ParamID(id), v)
		}
	}
	if g.exec, err = device.Compile(p, g.store, len(g.labels)); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *gaugeNet) read(id kernels.ParamID, slot kernels.Slot) []float32 {
	v := make([]float32, g.net.Params()[id].Len())
	if err := g.store.Read(slot, v, id); err != nil {
		g.t.Fatal(err)
	}
	return v
}

func (g *gaugeNet) write(id kernels.ParamID, v []float32) {
	if err := g.store.Write(kernels.Data, v, id); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gaugeNet) logits() []float32 {
	if err := g.exec.Forward(g.images, len(g.labels)); err != nil {
		g.t.Fatal(err)
	}
	v := make([]float32, len(g.labels)*g.program.Classes())
	if err := g.exec.Logits(v); err != nil {
		g.t.Fatal(err)
	}
	return v
}

// entering lists γ and β of the BatchNorms that enter the named nodes.
func (g *gaugeNet) entering(nodes []string) []kernels.ParamID {
	var ids []kernels.ParamID
	for b, node := range g.program.NodeOf() {
		for _, name := range nodes {
			if g.program.Nodes[node].Name == name {
				ids = append(ids, g.program.BNs[b].Gamma, g.program.BNs[b].Beta)
			}
		}
	}
	if len(ids) == 0 {
		g.t.Fatalf("no BatchNorm enters %v", nodes)
	}
	return ids
}

// change returns the relative change of the logits if the γ and β that enter the nodes are multiplied by 4.
func (g *gaugeNet) change(nodes []string) float64 {
	before := g.logits()
	scale := func(by float32) {
		for _, id := range g.entering(nodes) {
			v := g.read(id, kernels.Data)
			for i := range v {
				v[i] *= by
			}
			g.write(id, v)
		}
	}
	scale(4)
	after := g.logits()
	scale(0.25)
	var difference, norm float64
	for i := range before {
		difference += math.Pow(float64(after[i]-before[i]), 2)
		norm += math.Pow(float64(before[i]), 2)
	}
	return math.Sqrt(difference / norm)
}

// radial returns the cosine between the γ and β that enter the nodes and their gradient, with batch statistics.
func (g *gaugeNet) radial(nodes []string) float64 {
	g.logits()
	if err := g.exec.CrossEntropy(g.labels, 0); err != nil {
		g.t.Fatal(err)
	}
	if err := g.exec.Backward(kernels.DifferentiateStatistics, false); err != nil {
		g.t.Fatal(err)
	}
	var dot, theta, gradient float64
	for _, id := range g.entering(nodes) {
		v, d := g.read(id, kernels.Data), g.read(id, kernels.Grad)
		for i := range v {
			dot += float64(v[i]) * float64(d[i])
			theta += float64(v[i]) * float64(v[i])
			gradient += float64(d[i]) * float64(d[i])
		}
	}
	return dot / math.Sqrt(theta*gradient)
}

// free lists sets of nodes with one factor each. Cells are 0, 1, 3, 4, 6 and 7; reductions are 2 and 5.
var free = [][]string{
	{"stem"}, {"cells.0.node.1"}, {"cells.0.node.2"}, {"cells.0.node.3"}, {"cells.1.node.1"},
	{"cells.1.node.3", "cells.2"}, {"cells.2.conv_a"}, {"cells.3.node.3"}, {"cells.4.node.3", "cells.5"}, {"cells.6.node.2"},
}

func TestGaugeInvariance(t *testing.T) {
	exact, actual := newGaugeNet(t, Fair, 1e-30), newGaugeNet(t, Fair, Eps)
	for _, nodes := range free {
		if c := exact.change(nodes); !(c <= 1e-6) {
			t.Errorf("%v: logits change by %.1e without ε", nodes, c)
		}
		// The bound is for 4ε added to variances of order one, in several layers.
		if c := actual.change(nodes); !(c <= 5e-5) {
			t.Errorf("%v: logits change by %.1e with ε = %g", nodes, c, Eps)
		}
	}
	// Not free: the node before the classifier, and one end of a reduction's shortcut alone.
	for _, nodes := range [][]string{{"lastact"}, {"cells.1.node.3"}, {"cells.2"}} {
		if c := exact.change(nodes); !(c >= 1e-2) {
			t.Errorf("%v: logits change by %.1e only", nodes, c)
		}
	}
	standard := newGaugeNet(t, Standard, Eps)
	for _, nodes := range [][]string{{"cells.0.node.1"}, {"stem"}} {
		if c := standard.change(nodes); !(c >= 1e-2) {
			t.Errorf("standard, %v: logits change by %.1e only", nodes, c)
		}
	}
}

func TestGaugeRadialGradient(t *testing.T) {
	exact, actual := newGaugeNet(t, Fair, 1e-30), newGaugeNet(t, Fair, Eps)
	for _, nodes := range free {
		if c := exact.radial(nodes); !(math.Abs(c) <= 1e-6) {
			t.Errorf("%v: cosine %.1e without ε", nodes, c)
		}
		// The bound is for ε relative to the variances, divided by the share of the gradient that no BatchNorm cancels.
		if c := actual.radial(nodes); !(math.Abs(c) <= 1e-4) {
			t.Errorf("%v: cosine %.1e with ε = %g", nodes, c, Eps)
		}
	}
	standard := newGaugeNet(t, Standard, Eps)
	for _, nodes := range [][]string{{"cells.0.node.1"}, {"stem"}} {
		if c := standard.radial(nodes); !(math.Abs(c) >= 1e-3) {
			t.Errorf("standard, %v: cosine %.1e only", nodes, c)
		}
	}
}
