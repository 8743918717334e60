package kerneltest

import (
	"errors"
	"strings"
	"testing"

	"bnas.example/kernels"
)

// Forty random programs together have every feature of this list.
func TestRandomCovers(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(40) {
		for feature := range features(Random(seed)) {
			seen[feature]++
		}
	}
	for _, want := range []string{
		"conv", "maxpool", "avgpool", "sum", "concat", "globalavg", "linear", "linear load", "relu load", "relu6 load",
		"kernel 1", "kernel 3", "kernel 5", "kernel 7", "stride", "dilation", "negative pad", "groups", "depthwise",
		"siblings", "three values in a node", "bare term", "shared value", "empty node", "unloaded node",
		"concat of several", "bias", "no bias", "smaller batch", "one channel", "one image", "one row or column", "odd size",
	} {
		if seen[want] == 0 {
			t.Errorf("no program with %s", want)
		}
	}
}

func features(c *Case) map[string]bool {
	p, has := c.Program, map[string]bool{}
	loaded := make([]bool, len(p.Nodes))
	for _, s := range p.Steps {
		has[s.Op.String()] = true
		has[s.Act.String()+" load"] = true
		for _, n := range s.In {
			loaded[n] = true
		}
		has["concat of several"] = has["concat of several"] || len(s.In) > 1
		if s.Op == kernels.OpLinear {
			has["bias"] = s.Bias != kernels.NoParam
			has["no bias"] = s.Bias == kernels.NoParam
		}
		if s.Op != kernels.OpConv {
			continue
		}
		has["kernel "+string(rune('0'+s.Kernel))] = true
		has["stride"] = has["stride"] || s.Stride > 1
		has["dilation"] = has["dilation"] || s.Dilation > 1
		has["negative pad"] = has["negative pad"] || s.Pad < 0
		has["groups"] = has["groups"] || s.Groups > 1 && s.Groups < p.Nodes[s.In[0]].C
		has["depthwise"] = has["depthwise"] || s.Groups > 1 && s.Groups == p.Nodes[s.In[0]].C
		has["siblings"] = has["siblings"] || len(s.Branches) > 1
	}
	for n, node := range p.Nodes {
		values := map[kernels.ValueID]bool{}
		for _, t := range node.Terms {
			has["bare term"] = has["bare term"] || t.BN == kernels.NoBN && t.Value != kernels.Images
			values[t.Value] = values[t.Value] || t.BN != kernels.NoBN
		}
		has["three values in a node"] = has["three values in a node"] || len(values) == 3
		has["empty node"] = has["empty node"] || len(node.Terms) == 0
		has["unloaded node"] = has["unloaded node"] || !loaded[n] && len(node.Terms) > 0
	}
	of := map[kernels.ValueID]int{}
	for _, b := range p.BNs {
		of[b.Value]++
		has["shared value"] = has["shared value"] || of[b.Value] > 1
	}
	for _, v := range p.Values[:len(p.Values)-2] {
		has["one channel"] = has["one channel"] || v.C == 1
		has["one row or column"] = has["one row or column"] || v.H == 1 || v.W == 1
		has["odd size"] = has["odd size"] || v.H > 1 && v.H%2 == 1
	}
	has["smaller batch"] = c.N < c.Batch
	has["one image"] = c.N == 1
	for feature, yes := range has {
		if !yes {
			delete(has, feature)
		}
	}
	return has
}

// Options.Random says how many programs there are, and a tenth as many on wide maps.
func TestRandomCounts(t *testing.T) {
	for _, test := range []struct{ random, small, wide int }{{0, 40, 4}, {3, 3, 0}, {20, 20, 2}} {
		small, wide := 0, 0
		for _, c := range networks(Options{Random: test.random}) {
			switch {
			case strings.HasPrefix(c.Name, "random-wide-"):
				wide++
			case strings.HasPrefix(c.Name, "random-"):
				small++
			}
		}
		if small != test.small || wide != test.wide {
			t.Errorf("%d: %d programs and %d on wide maps, must be %d and %d", test.random, small, wide, test.small, test.wide)
		}
	}
}

// A case is a function of its seed alone.
func TestRandomRepeats(t *testing.T) {
	a, b := Random(9), Random(9)
	if a.Program.String() != b.Program.String() || a.Images[0] != b.Images[0] || a.Data[0][0] != b.Data[0][0] {
		t.Error("two programs of one seed differ")
	}
	if Random(10).Program.String() == a.Program.String() {
		t.Error("two seeds give the same program")
	}
}

// The cases with an auxiliary classifier together have every form of its head.
func TestHeadedCovers(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range headed(Options{}) {
		p := c.Program
		if err := errors.Join(p.Validate(), p.CheckParams(c.Params)); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		both := p.Classifiers()
		if len(both) != 2 || both[0].Out != p.Logits() || both[0].LossWeight != 1 || both[1].LossWeight != 0.4 {
			t.Fatalf("%s: classifiers %v", c.Name, both)
		}
		aux := both[1]
		terms := p.Nodes[aux.In[0]].Terms
		seen["a linear step through BatchNorm and ReLU"] = seen["a linear step through BatchNorm and ReLU"] || aux.Act == kernels.ReLU && terms[0].BN != kernels.NoBN
		seen["a linear step through ReLU alone"] = seen["a linear step through ReLU alone"] || aux.Act == kernels.ReLU && terms[0].BN == kernels.NoBN
		seen["a linear step of a global mean"] = seen["a linear step of a global mean"] || aux.Act == kernels.Linear
		seen["a bias"] = seen["a bias"] || aux.Bias != kernels.NoParam
		seen["no bias"] = seen["no bias"] || aux.Bias == kernels.NoParam
		seen["factors"] = seen["factors"] || p.Factors() > 0
		for _, s := range p.Steps {
			seen["an even kernel"] = seen["an even kernel"] || s.Op == kernels.OpConv && s.Kernel == 2
			seen["a pool of 5 without padding"] = seen["a pool of 5 without padding"] || s.Op == kernels.OpAvgPool && s.Kernel == 5 && s.Pad == 0
		}
	}
	for _, want := range []string{"a linear step through BatchNorm and ReLU", "a linear step through ReLU alone", "a linear step of a global mean",
		"a bias", "no bias", "factors", "an even kernel", "a pool of 5 without padding"} {
		if !seen[want] {
			t.Errorf("no case with %s", want)
		}
	}
}

// The cases with factors together have factors of every kind of term.
func TestFactoredCovers(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range factored(Options{}) {
		if c.Program.Factors() != len(c.Factors) || c.without().Program.Factors() != 0 {
			t.Errorf("%s: %d rows of factors, %d without", c.Name, len(c.Factors), c.without().Program.Factors())
		}
		for _, node := range c.Program.Nodes {
			marked := 0
			for _, term := range node.Terms {
				if term.Factor {
					marked++
					seen["bare"] = seen["bare"] || term.BN == kernels.NoBN
					seen["normalised"] = seen["normalised"] || term.BN != kernels.NoBN
				}
			}
			seen["some of a node"] = seen["some of a node"] || marked > 0 && marked < len(node.Terms)
			seen["two of a node"] = seen["two of a node"] || marked > 1
		}
		for _, row := range c.Factors {
			for _, f := range row {
				seen["zero"], seen["negative"] = seen["zero"] || f == 0, seen["negative"] || f < 0
			}
		}
	}
	for _, want := range []string{"bare", "normalised", "some of a node", "two of a node", "zero", "negative"} {
		if !seen[want] {
			t.Errorf("no case with %s", want)
		}
	}
}

// The factors of this case make a map constant whose windows a maximum compares: no images settle it, other factors do.
func TestFactorsSettle(t *testing.T) {
	if err := Factored(Random(4207192214)).settle(); err != nil {
		t.Error(err)
	}
}
