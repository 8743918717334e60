package indicator

import (
	"math"
	"testing"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// In the fair placement the γ and β that enter a node have a free positive factor. Every gauge-invariant term must keep its
// value at each node of a cell. Every other term must change at some node.
func TestGaugeInvariance(t *testing.T) {
	base := newBench(t, supernet.Fair, true).score(t, mixed)
	moved := map[string]bool{}
	// Node 3 of cells 0 and 2 enters a reduction's bare shortcut, whose sum needs the same factor.
	for _, node := range []string{"cells.0.node.1", "cells.0.node.2", "cells.2.node.1", "cells.2.node.2", "cells.4.node.1", "cells.4.node.2", "cells.4.node.3"} {
		b := newBench(t, supernet.Fair, true)
		if n := b.scaleNode(t, node, 3); n == 0 {
			t.Fatalf("no BatchNorm enters %s", node)
		}
		got := b.score(t, mixed)
		for _, term := range Terms() {
			change := math.Abs(got[term.Name]-base[term.Name]) / math.Max(math.Abs(base[term.Name]), 1e-3)
			switch {
			case change > 1e-3:
				moved[term.Name] = true
				if term.Gauge {
					t.Errorf("%s: %s went from %v to %v", node, term.Name, base[term.Name], got[term.Name])
				}
			case term.Gauge && !(change <= 1e-4):
				t.Errorf("%s: %s went from %v to %v", node, term.Name, base[term.Name], got[term.Name])
			}
		}
	}
	for _, term := range Terms() {
		if !term.Gauge && !moved[term.Name] {
			t.Errorf("%s does not claim to be invariant, and never moved", term.Name)
		}
	}
}

// scaleNode multiplies γ and β of every BatchNorm that enters a node, for all options. It returns the number of BatchNorms.
func (b *bench) scaleNode(t *testing.T, node string, factor float32) int {
	names, err := nodeNames(b.net)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, bn := range b.net.BNs() {
		if names[bn.Gamma] != node {
			continue
		}
		n++
		gamma, beta := b.read(t, bn.Gamma, kernels.Data), b.read(t, bn.Beta, kernels.Data)
		for c := range gamma {
			gamma[c] *= factor
			beta[c] *= factor
		}
		b.write(t, bn.Gamma, gamma)
		b.write(t, bn.Beta, beta)
	}
	return n
}

// The gradient by the γ and β that enter a node has no radial part in the fair placement. In the standard placement it has
// one if an edge into the node has no BatchNorm.
func TestGaugeRadialGradient(t *testing.T) {
	for _, c := range []struct {
		placement supernet.Placement
		fair      bool
	}{{supernet.Fair, true}, {supernet.Standard, false}} {
		b := newBench(t, c.placement, true)
		p, err := b.net.Program(b.arch(t, "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|none~0|nor_conv_3x3~1|nor_conv_3x3~2|"))
		if err != nil {
			t.Fatal(err)
		}
		e, err := b.dev.Compile(p, b.store, small.Images)
		if err != nil {
			t.Fatal(err)
		}
		images := b.in.Images
		if err := e.Forward(images[:small.Images*p.Values[kernels.Images].Len()], small.Images); err != nil {
			t.Fatal(err)
		}
		if err := e.CrossEntropy(b.in.Labels[:small.Images], 0); err != nil {
			t.Fatal(err)
		}
		if err := e.Backward(kernels.DifferentiateStatistics, false); err != nil {
			t.Fatal(err)
		}
		dot, theta2, grad2 := map[string]float64{}, map[string]float64{}, map[string]float64{}
		for i, v := range p.NodeOf() {
			for _, id := range []kernels.ParamID{p.BNs[i].Gamma, p.BNs[i].Beta} {
				theta, grad := b.read(t, id, kernels.Data), b.read(t, id, kernels.Grad)
				for k := range theta {
					dot[p.Nodes[v].Name] += float64(theta[k]) * float64(grad[k])
					theta2[p.Nodes[v].Name] += float64(theta[k]) * float64(theta[k])
					grad2[p.Nodes[v].Name] += float64(grad[k]) * float64(grad[k])
				}
			}
		}
		const node = "cells.0.node.1" // a skip and a convolution leave it
		if theta2[node] == 0 {
			t.Fatalf("%s: no BatchNorm enters %s", c.placement, node)
		}
		cosine := dot[node] / math.Sqrt(theta2[node]*grad2[node])
		// Only ε gives a radial part. The variances are small in a network with few channels.
		if radial := math.Abs(cosine) > 1e-4; math.IsNaN(cosine) || radial == c.fair {
			t.Errorf("%s: radial cosine %.2g at %s", c.placement, cosine, node)
		}
	}
}
