package supernet

import (
	"math/big"
	"strings"
	"testing"

	"bnas.example/kernels"

	"github.com/google/go-cmp/cmp"
)

// These are published genotypes, as the authors' code writes them.
const (
	dartsV2 = `Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])`
	// the same, the inputs of each node in a list
	dartsNested = `Genotype(normal=[[('sep_conv_3x3', 0), ('sep_conv_3x3', 1)], [('sep_conv_3x3', 0), ('sep_conv_3x3', 1)], [('sep_conv_3x3', 1), ('skip_connect', 0)], [('skip_connect', 0), ('dil_conv_3x3', 2)]], normal_concat=range(2, 6), reduce=[[('max_pool_3x3', 0), ('max_pool_3x3', 1)], [('skip_connect', 2), ('max_pool_3x3', 1)], [('max_pool_3x3', 0), ('skip_connect', 2)], [('skip_connect', 2), ('max_pool_3x3', 1)]], reduce_concat=range(2, 6))`
	pcDARTS     = `Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 0), ('dil_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('avg_pool_3x3', 0), ('dil_conv_3x3', 1)], normal_concat=range(2, 6), reduce=[('sep_conv_5x5', 1), ('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_5x5', 2), ('sep_conv_3x3', 0), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2)], reduce_concat=range(2, 6))`
	pDARTS      = `Genotype(normal=[('skip_connect', 0), ('dil_conv_3x3', 1), ('skip_connect', 0),('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3',0), ('dil_conv_5x5', 4)], normal_concat=range(2, 6), reduce=[('avg_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('dil_conv_5x5', 2), ('max_pool_3x3', 0), ('dil_conv_3x3', 1), ('dil_conv_3x3', 1), ('dil_conv_5x5', 3)], reduce_concat=range(2, 6))`
)

// TestDARTSCosts compares the published networks for CIFAR-10, of 36 channels and 20 cells, without the auxiliary head.
func TestDARTSCosts(t *testing.T) {
	s := newDARTS()
	cfg := s.Defaults()
	cfg.Channels, cfg.Cells = 36, 6
	for _, c := range []struct {
		name, text       string
		params, macs     int64
		millions, within float64
	}{
		{"DARTS_V2", dartsV2, 3349342, 528359040, 3.3, 0.05},
		{"PC-DARTS", pcDARTS, 0, 0, 3.6, 0.05},
		{"P-DARTS", pDARTS, 0, 0, 3.4, 0.05},
	} {
		a, err := s.Parse(c.text)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		k := s.Cost(a, cfg)
		if c.params != 0 && (k.Params != c.params || k.MACs != c.macs) {
			t.Errorf("%s: %d parameters and %d MACs, want %d and %d", c.name, k.Params, k.MACs, c.params, c.macs)
		}
		if d := float64(k.Params)/1e6 - c.millions; d < -c.within || d > c.within {
			t.Errorf("%s: %d parameters, want %.1f M", c.name, k.Params, c.millions)
		}
	}
}

// TestDARTSImageNet: DARTS_V2 with 48 channels and 14 cells has the published 4.7 M parameters. The closed
// form of the costs is that of the Programs.
func TestDARTSImageNet(t *testing.T) {
	s := newDARTS()
	cfg := Config{Space: "darts", BN: Standard, Stem: "imagenet", Channels: 48, Cells: 4, Height: 224, Width: 224, Classes: 1000}
	a, err := s.Parse(dartsV2)
	if err != nil {
		t.Fatal(err)
	}
	if k := s.Cost(a, cfg); k.Params < 4.65e6 || k.Params > 4.75e6 {
		t.Errorf("%d parameters", k.Params)
	}
	cfg.Channels, cfg.Cells, cfg.Height, cfg.Width = 4, 1, 64, 32
	for _, bn := range placements {
		cfg.BN = bn
		n := build(t, cfg)
		for _, a := range spread(s, 20) {
			p, err := n.Program(a)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Validate(); err != nil {
				t.Fatal(err)
			}
			if !checkCost(t, n, a, p) {
				t.Errorf("%s: something was dropped", s.Format(a))
			}
		}
	}
	cfg.Height = 48
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "multiples of 32") {
		t.Error(err)
	}
}

// The number of architectures of a cell is Π C(n,2)·7² over nodes with n = 2…5 earlier states.
func TestDARTSCount(t *testing.T) {
	cell := big.NewInt(1 * 3 * 6 * 10 * 49 * 49 * 49 * 49)
	if got := newDARTS().Count(); got.Cmp(new(big.Int).Mul(cell, cell)) != 0 {
		t.Errorf("%v architectures", got)
	}
}

func TestDARTSText(t *testing.T) {
	s := newDARTS()
	const short = "normal sep_conv_3x3:0 sep_conv_3x3:1 sep_conv_3x3:0 sep_conv_3x3:1 skip_connect:0 sep_conv_3x3:1 skip_connect:0 dil_conv_3x3:2 " +
		"reduce max_pool_3x3:0 max_pool_3x3:1 max_pool_3x3:1 skip_connect:2 max_pool_3x3:0 skip_connect:2 max_pool_3x3:1 skip_connect:2"
	for _, text := range []string{
		dartsV2, short,
		strings.ReplaceAll(strings.ReplaceAll(dartsV2, "'", `"`), " ", ""),
		strings.Replace(short, "skip_connect:0 sep_conv_3x3:1", "sep_conv_3x3:1 skip_connect:0", 1), // the other order of a node's inputs
		"\n" + strings.ReplaceAll(dartsV2, ", ", ",\n  "),
		dartsNested,
	} {
		a, err := s.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(short, s.Format(a)); d != "" {
			t.Error(d)
		}
	}
	for _, c := range []struct{ text, want string }{
		{"normal sep_conv_3x3:0 none:1", `byte 23: found "none", want one of max_pool_3x3`},
		{"normal sep_conv_3x3:0 sep_conv_3x3:2", `found "2", want one of 0, 1`},
		{strings.Replace(short, "sep_conv_3x3:1", "sep_conv_3x3:0", 1), "normal cell: node 2 reads state 0 twice"},
		{strings.Replace(dartsV2, "[2, 3, 4, 5]", "[4, 5]", 1), `found "4", want "2"`},
		{strings.Replace(dartsV2, "('sep_conv_3x3', 0), ", "", 1), "byte"},
		{"normal", `byte 7: found nothing, want " "`},
		{"", `byte 1: found nothing, want "normal"`},
		{short + " ", "want the end"},
		{dartsV2 + ")", "want the end"},
		{"Genotype(", `found nothing, want "normal"`},
		{strings.Replace(dartsNested, "0)], [", "0), (", 1), `found ",", want "]"`},
	} {
		if _, err := s.Parse(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want an error with %s", c.text, err, c.want)
		}
	}
}

// An edge has the same parameters whichever module of the authors' cell it is.
func TestDARTSModules(t *testing.T) {
	n := small(t, newDARTS(), Standard)
	names := func(text string) map[string]string {
		a, err := n.Space.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		exported, err := n.ExportNames(a)
		if err != nil {
			t.Fatal(err)
		}
		of := map[string]string{}
		for id, name := range exported {
			of[n.Params()[id].Name] = name
		}
		return of
	}
	const rest = " reduce max_pool_3x3:0 max_pool_3x3:1 max_pool_3x3:0 max_pool_3x3:1 max_pool_3x3:0 max_pool_3x3:1 max_pool_3x3:0 max_pool_3x3:1"
	for text, want := range map[string]string{
		"normal skip_connect:0 skip_connect:1 skip_connect:0 dil_conv_3x3:1 skip_connect:0 skip_connect:1 skip_connect:0 skip_connect:1" + rest: "cells.0._ops.3.op.1.weight",
		"normal skip_connect:0 skip_connect:1 dil_conv_3x3:1 skip_connect:2 skip_connect:0 skip_connect:1 skip_connect:0 skip_connect:1" + rest: "cells.0._ops.2.op.1.weight",
	} {
		if got := names(text)["cells.0.3<-1.dil_conv_3x3.op.1.weight"]; got != want {
			t.Errorf("the depthwise convolution of %s is %q, want %q", text, got, want)
		}
	}
}

// The architectures of Cover have every operator on every edge.
func TestDARTSCover(t *testing.T) {
	s := newDARTS()
	seen := ByOperator[bool](s.Places())
	for _, a := range s.Cover() {
		if err := Validate(s, a); err != nil {
			t.Fatal(err)
		}
		for place, o := range s.Chosen(a) {
			if o >= 0 {
				seen[place][o] = true
			}
		}
	}
	for place, operators := range seen {
		for o, ok := range operators {
			if !ok {
				t.Errorf("%s never has %s", s.Places()[place].Name, dartsOps[o])
			}
		}
	}
}

// TestDARTSWindows: dilated convolutions have the dilation 2, and all operators keep the image.
func TestDARTSWindows(t *testing.T) {
	n := small(t, newDARTS(), Standard)
	a, err := n.Space.Parse("normal dil_conv_3x3:0 dil_conv_5x5:1 dil_conv_3x3:0 dil_conv_5x5:1 dil_conv_3x3:0 dil_conv_5x5:1 dil_conv_3x3:0 dil_conv_5x5:1" +
		" reduce sep_conv_3x3:0 sep_conv_5x5:1 sep_conv_3x3:0 sep_conv_5x5:1 sep_conv_3x3:0 sep_conv_5x5:1 max_pool_3x3:0 avg_pool_3x3:1")
	if err != nil {
		t.Fatal(err)
	}
	p, err := n.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[kernels.Window]bool{}
	for _, s := range p.Steps {
		if s.Op == kernels.OpConv && s.Groups > 1 || s.Op == kernels.OpMaxPool || s.Op == kernels.OpAvgPool {
			seen[s.Window] = true
		}
	}
	want := map[kernels.Window]bool{}
	for _, w := range []kernels.Window{
		{Kernel: 3, Stride: 1, Pad: 2, Dilation: 2}, {Kernel: 5, Stride: 1, Pad: 4, Dilation: 2}, // dil_conv
		{Kernel: 3, Stride: 2, Pad: 1, Dilation: 1}, {Kernel: 3, Stride: 1, Pad: 1, Dilation: 1}, // sep_conv, and the pools
		{Kernel: 5, Stride: 2, Pad: 2, Dilation: 1}, {Kernel: 5, Stride: 1, Pad: 2, Dilation: 1},
	} {
		want[w] = true
	}
	if d := cmp.Diff(want, seen); d != "" {
		t.Error(d)
	}
}

// FactorizedReduce reads the image from its first pixel and from the pixel (1, 1), through one ReLU.
func TestDARTSFactorizedReduce(t *testing.T) {
	n := small(t, newDARTS(), Standard)
	p := programOf(t, n, dartsV2)
	pads := map[int]int{}
	for _, s := range p.Steps {
		if s.Op == kernels.OpConv && strings.Contains(s.Name, "preprocess0.conv_") {
			pads[s.Pad]++
			if shifted := s.Pad < 0; shifted != strings.HasSuffix(s.Name, "conv_2") {
				t.Errorf("%s has the pad %d: the second is shifted", s.Name, s.Pad)
			}
			if s.Stride != 2 || s.Act != kernels.Linear {
				t.Errorf("%s: %+v", s.Name, s)
			}
		}
	}
	if d := cmp.Diff(map[int]int{0: 2, -1: 2}, pads); d != "" {
		t.Error(d)
	}
	relus, modules := 0, 0
	for _, s := range p.Steps {
		relus += s.ReLUs
	}
	for i := range 3*n.Config.Cells + 2 {
		modules += 2 // preprocess
		if (i+1)%(n.Config.Cells+1) != 0 {
			modules += 5*2 + 1 // five sep_conv and a dil_conv
		}
	}
	if relus != modules {
		t.Errorf("%d ReLUs, the authors' network has %d", relus, modules)
	}
}
