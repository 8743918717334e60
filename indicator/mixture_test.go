package indicator

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// TestMixtureOfOneOperator: a mixture of one operator an edge has the terms of the architecture, to the bit.
func TestMixtureOfOneOperator(t *testing.T) {
	b := newBench(t, supernet.Fair, false)
	s, err := NewScorer(b.net, b.dev, b.store, b.in, small)
	if err != nil {
		t.Fatal(err)
	}
	a := supernet.Arch{3, 4, 1, 2, 4, 3}
	space := b.net.Space.(supernet.Mixed)
	m := make(supernet.Mixture, len(a))
	for e, o := range a {
		m[e] = make([]bool, 5)
		m[e][o] = true
	}
	if got := space.Only(m); fmt.Sprint(got) != fmt.Sprint(a) {
		t.Errorf("the architecture %v, want %v", got, a)
	}
	all, err := NewRepeated(s).Mixtures([]supernet.Mixture{m})
	if err != nil {
		t.Fatal(err)
	}
	got := all[0]
	want, err := s.Score(a)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]float64{"te_ntk": -got[0].LogCondition, "te_regions": float64(got[0].Regions)} {
		i, err := termIndex(name)
		if err != nil || v != want.Values[i] {
			t.Errorf("%s of the mixture is %v, of the architecture %v", name, v, want.Values[i])
		}
	}
}

// TestMixtureIsAnAverage: the output of an edge with several operators is the mean of their outputs, in the whole network and in its
// first block alone.
func TestMixtureIsAnAverage(t *testing.T) {
	b := newBench(t, supernet.Standard, false)
	thin, err := thinnest(b.net)
	if err != nil {
		t.Fatal(err)
	}
	exec := map[string]func(supernet.Mixture) (kernels.Exec, error){
		"network": func(m supernet.Mixture) (kernels.Exec, error) {
			p, weights, err := b.net.MixtureProgram(m)
			if err != nil {
				return nil, err
			}
			exec, err := b.dev.Compile(p, b.store, 2)
			if err != nil {
				return nil, err
			}
			return exec, setFactors(exec, weights, 2)
		},
		"block": func(m supernet.Mixture) (kernels.Exec, error) {
			p, weights, err := thin.MixtureProgram(m)
			if err != nil {
				return nil, err
			}
			block, err := firstBlock(thin, p, weights, 8)
			if err != nil {
				return nil, err
			}
			return block.compile(b.dev, 2)
		},
	}
	for name, of := range exec {
		m := b.net.Space.(supernet.Mixed).Whole().Without(0, 3) // three operators on the first edge
		whole := nodeOne(t, b, m, of)
		mean := make([]float64, len(whole))
		for _, o := range m.Operators(0) {
			one := m
			for _, other := range m.Operators(0) {
				if other != o {
					one = one.Without(0, other)
				}
			}
			for i, v := range nodeOne(t, b, one, of) {
				mean[i] += float64(v) / 3
			}
		}
		for i, v := range whole {
			if !(math.Abs(float64(v)-mean[i]) <= 1e-5) {
				t.Errorf("%s: value %d of node 1 is %v, the mean of its operators %v", name, i, v, mean[i])
				break
			}
		}
	}
}

// nodeOne reads the first node after the input of the first cell, for two images.
func nodeOne(t *testing.T, b *bench, m supernet.Mixture, of func(supernet.Mixture) (kernels.Exec, error)) []float32 {
	t.Helper()
	exec, err := of(m)
	if err != nil {
		t.Fatal(err)
	}
	p := exec.Program()
	if err := exec.Forward(b.in.Images[:2*p.Values[kernels.Images].Len()], 2); err != nil {
		t.Fatal(err)
	}
	for n, node := range p.Nodes {
		if node.Name == "cells.0.node.1" {
			x := make([]float32, 2*node.Len())
			if err := exec.Read(kernels.NodeTap(kernels.NodeID(n)), x); err != nil {
				t.Fatal(err)
			}
			return x
		}
	}
	t.Fatal("there is no node 1")
	return nil
}

// TestMixturesOnLanes: mixtures that are measured at a time have the figures of one after the other.
func TestMixturesOnLanes(t *testing.T) {
	b := newBench(t, supernet.Fair, false).onCPU(t, 3)
	var scorers []*Scorer
	for k := range 2 {
		s, err := NewScorer(b.net, b.dev, b.store, b.in, small.Repeat(k))
		if err != nil {
			t.Fatal(err)
		}
		scorers = append(scorers, s)
	}
	lead := NewRepeated(scorers...)
	whole := b.net.Space.(supernet.Mixed).Whole()
	ms := []supernet.Mixture{whole, whole.Without(0, 1), whole.Without(3, 2), whole.Without(5, 4)}
	want, err := lead.Mixtures(ms)
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLanes(lead, 3)
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.Mixtures(ms)
	if err != nil {
		t.Fatal(err)
	}
	one, err := l.Mixtures(ms[1:2])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || !cmp.Equal(one[0], want[1]) || len(want[0]) != 2 || want[0][0] == want[0][1] {
		t.Errorf("%s\none %v of %v", diff, one, want)
	}
	l.StopWith(func() error { return errors.New("enough") })
	if _, err := l.Mixtures(ms); err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("stopped: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
