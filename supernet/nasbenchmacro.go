package supernet

import (
	"slices"
	"strings"
)

// nasBenchMacro is the space of Su et al., "Prioritized Architecture Sampling with Monto-Carlo Tree Search" (CVPR 2021).
// It has eight layers in three stages. Each layer is an identity or one of two MobileNet blocks.
type nasBenchMacro struct{}

// These are the operators of NAS-Bench-Macro in the official order.
const (
	macroIdentity = iota
	macroMB3K3
	macroMB6K5
)

var (
	macroOps    = []string{"identity", "mb3_k3", "mb6_k5"}
	macroStages = [3]int{2, 3, 3} // layers; the first of each halves the image and doubles the channels
)

// macroHead is the number of channels before the classifier.
const macroHead = 1280

func (nasBenchMacro) Name() string { return "nas-bench-macro" }

func (nasBenchMacro) Defaults() Config {
	return Config{Space: "nas-bench-macro", BN: Fair, Classes: 10, Height: 32, Width: 32, Channels: 32, Gamma: GammaOne}
}

func (nasBenchMacro) Genes() []Gene {
	var g []Gene
	for i := range 8 {
		g = append(g, Gene{Name: "layer " + digit(i), Options: slices.Clone(macroOps)})
	}
	return g
}

func digit(i int) string { return string(rune('0' + i)) }

func (nasBenchMacro) Size() int { return 6561 }

// At reads i as a number in base 3; the last layer changes fastest.
func (nasBenchMacro) At(i int) Arch {
	a := make(Arch, 8)
	for l := 7; l >= 0; l-- {
		a[l] = i % 3
		i /= 3
	}
	return a
}

// Format writes a digit for each layer.
func (nasBenchMacro) Format(a Arch) string {
	var s strings.Builder
	for _, op := range a {
		s.WriteString(digit(op))
	}
	return s.String()
}

func (nasBenchMacro) Parse(text string) (Arch, error) {
	t := tokens{space: "nas-bench-macro", text: text}
	a := make(Arch, 8)
	for l := range a {
		t.start = t.at
		token := t.peek()
		t.at += len(token)
		a[l] = t.option(token, []string{"0", "1", "2"})
	}
	t.end()
	return a, t.err
}

// Canonical moves the identities behind the other layers of their stage. The first layer of a stage stays in place: its
// identity has a stride and is a convolution.
func (s nasBenchMacro) Canonical(a Arch) string {
	c := make(Arch, 0, len(a))
	first := 0
	for _, layers := range macroStages {
		c = append(c, a[first])
		rest := a[first+1 : first+layers]
		for _, op := range rest {
			if op != macroIdentity {
				c = append(c, op)
			}
		}
		first += layers
		for len(c) < first {
			c = append(c, macroIdentity)
		}
	}
	return s.Format(c)
}

// Alive returns true: an identity is a path too.
func (nasBenchMacro) Alive(Arch) bool { return true }

// Cost adds up the layers. A stride halves the side of the image and rounds up.
func (nasBenchMacro) Cost(a Arch, c Config) Cost {
	var k Cost
	in, height, width := int64(c.Channels), int64(c.Height), int64(c.Width)
	k.conv(3, in, 9, height*width)
	k.norm(in)
	layer := 0
	for _, layers := range macroStages {
		for i := range layers {
			out, before := in, height*width
			if i == 0 {
				out, height, width = 2*in, (height+1)/2, (width+1)/2
			}
			after := height * width
			switch op := a[layer]; {
			case op != macroIdentity:
				t, kernel := macroBlock(op)
				k.invertedResidual(in, out, int64(t), int64(kernel), before, after)
			case i == 0:
				k.conv(in, out, 1, after)
				k.norm(out)
			default:
				k.fairNorm(out, c)
			}
			in = out
			layer++
		}
	}
	k.conv(in, macroHead, 1, height*width)
	k.norm(macroHead)
	k.linear(macroHead, int64(c.Classes))
	return k
}

// macroBlock returns the expansion and the kernel size of an operator.
func macroBlock(op int) (expansion, kernel int) {
	if op == macroMB3K3 {
		return 3, 3
	}
	return 6, 5
}
