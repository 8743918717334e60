package supernet

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bnas.example/kernels"
)

// droppedTerms lists the terms with factors by the name of their BatchNorm or value.
func droppedTerms(p *kernels.Program) (names []string) {
	for _, node := range p.Nodes {
		for _, t := range node.Terms {
			if t.Factor {
				names = append(names, p.TermName(t))
			}
		}
	}
	return names
}

// Drop-path drops every operator of a DARTS cell but the identity. The Program is otherwise that of evaluation.
func TestDropPathProgram(t *testing.T) {
	for _, bn := range []Placement{Standard, Fair} {
		net := build(t, Config{Space: "darts", BN: bn, Channels: 4, Cells: 1, Height: 8, Width: 8, Classes: 3, Seed: 1})
		a, err := net.Space.Parse(strings.NewReplacer("('max_pool_3x3', 1), ('skip_connect', 2)", "('skip_connect', 1), ('skip_connect', 2)").Replace(dartsV2))
		if err != nil {
			t.Fatal(err)
		}
		p, err := net.TrainingProgram(a, Training{DropPath: true})
		if err != nil {
			t.Fatal(err)
		}
		plain, err := net.Program(a)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		cells := newDARTS().cells(a)
		for i := range 5 {
			kind := i % 2 // cells 1 and 3 reduce
			for n, inputs := range cells[kind] {
				for k, in := range inputs {
					if in.op != dartsSkip || kind == 1 && in.state < 2 {
						want = append(want, "cells."+string(rune('0'+i))+"._ops."+string(rune('0'+2*n+k))+".")
					}
				}
			}
		}
		got := droppedTerms(p)
		if len(got) != p.Factors() || len(got) != len(want) {
			t.Fatalf("%s: %d terms have factors, want %d: %v", bn, len(got), len(want), got)
		}
		for _, prefix := range want {
			if !slices.ContainsFunc(got, func(name string) bool { return strings.HasPrefix(name, prefix) }) {
				t.Errorf("%s: no factor at %s: %v", bn, prefix, got)
			}
		}
		if plain.Factors() != 0 {
			t.Errorf("%s: the Program of evaluation has %d factors", bn, plain.Factors())
		}
		for n := range p.Nodes {
			for k := range p.Nodes[n].Terms {
				p.Nodes[n].Terms[k].Factor = false
			}
		}
		if d := cmp.Diff(plain, p); d != "" {
			t.Errorf("%s: %s", bn, d)
		}
	}
}

// A summand with a factor stays a term of its own: a bare one is stored, and a sum of more than three is split.
func TestDropped(t *testing.T) {
	net := emptyNet(Config{Space: "sum"})
	b := newBuilder(net, kernels.Shape{C: 2, H: 4, W: 4}, true)
	b.training.DropPath = true
	conv := func(name string) Raw {
		return b.Conv(name, b.Images(), kernels.Linear, Conv{Out: 2, Window: same1})
	}
	inner := b.Sum("inner", b.BN("bn", conv("a")), b.Bare(conv("b")))
	outer := b.Sum("outer", b.Dropped(b.Identity(inner)), b.Dropped(b.Bare(conv("c"))), b.Dropped(b.BN("dn", conv("d"))), b.Bare(conv("e")))
	b.Linear("classifier", b.Sum("pool", b.Bare(b.GlobalAvg("pool", outer, kernels.ReLU))), 3)
	p, err := b.program("sum")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	got := droppedTerms(p)
	slices.Sort(got)
	if want := []string{"c", "dn", "inner"}; !slices.Equal(got, want) {
		t.Errorf("factors at %v, want %v in\n%s", got, want, p)
	}
	if !strings.Contains(p.String(), "f·bn(d)") || !strings.Contains(p.String(), "f·inner") {
		t.Errorf("the text does not show the factors:\n%s", p)
	}
}

// TestDroppedIsNotRepeated: a sum with a factor that two read is stored: the factor of an image is the same for both.
func TestDroppedIsNotRepeated(t *testing.T) {
	for _, drop := range []bool{false, true} {
		b := newBuilder(emptyNet(Config{Space: "sum"}), kernels.Shape{C: 2, H: 4, W: 4}, true)
		b.training.DropPath = drop
		inner := b.Sum("inner", b.Dropped(b.Bare(b.AvgPool("pool", b.Images(), kernels.Linear, same3))))
		read := b.Sum("read", convBN(b, "a", inner, 2, 1))
		outer := b.Sum("outer", b.Identity(inner), b.Bare(b.MaxPool("max", read, kernels.Linear, same3)))
		b.Linear("classifier", b.Sum("mean", b.Bare(b.GlobalAvg("mean", outer, kernels.ReLU))), 3)
		p, err := b.program("sum")
		if err == nil {
			err = p.Validate()
		}
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if drop {
			want = 1
		}
		if got := droppedTerms(p); len(got) != want || strings.Contains(ops(p), "sum1") != drop {
			t.Errorf("drop-path %v: factors at %v, steps %s", drop, got, ops(p))
		}
	}
}
