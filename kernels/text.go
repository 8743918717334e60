package kernels

import (
	"fmt"
	"strings"
)

// Outputs lists the values that the step stores.
func (s *Step) Outputs() []ValueID {
	if s.Op != OpConv {
		return []ValueID{s.Out}
	}
	outs := make([]ValueID, len(s.Branches))
	for i, b := range s.Branches {
		outs[i] = b.Out
	}
	return outs
}

// MACs returns the number of multiply-accumulates of the convolutions and the linear step for one image. It counts
// padding; it does not count BatchNorm and pools.
func (p *Program) MACs() int64 {
	var macs int64
	for _, s := range p.Steps {
		in := p.Nodes[s.In[0]].C
		for _, b := range s.Branches {
			macs += int64(p.Values[b.Out].Len()) * int64(in/s.Groups*s.Kernel*s.Kernel)
		}
		if s.Op == OpLinear {
			macs += int64(in) * int64(p.Values[s.Out].Len())
		}
	}
	return macs
}

// String lists a valid program, one step a line: the op, the loaded nodes, the stored values.
func (p *Program) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v images, %d steps, %d BatchNorms with %d parameters, %d MACs\n",
		p.Name, p.Values[Images].Shape, len(p.Steps), len(p.BNs), p.BNParams(), p.MACs())
	for i := range p.Steps {
		s := &p.Steps[i]
		fmt.Fprintf(&b, "%3d %-9s %s → %s\n", i, s.Op, p.loaded(s), p.storedText(s))
	}
	return b.String()
}

func (p *Program) loaded(s *Step) string {
	nodes := make([]string, len(s.In))
	for i, n := range s.In {
		nodes[i] = p.sum(n)
		if s.Act != Linear {
			nodes[i] = s.Act.String() + "(" + nodes[i] + ")"
		}
	}
	return strings.Join(nodes, ", ")
}

// sum returns the text of a node: its values with " + " between them, each in "bn(…)" if it has a BatchNorm, and after "f·" if
// it has a factor.
func (p *Program) sum(n NodeID) string {
	terms := make([]string, len(p.Nodes[n].Terms))
	for i, t := range p.Nodes[n].Terms {
		terms[i] = p.Values[t.Value].Name
		if t.BN != NoBN {
			terms[i] = "bn(" + terms[i] + ")"
		}
		if t.Factor {
			terms[i] = "f·" + terms[i]
		}
	}
	if len(terms) == 0 {
		return "0"
	}
	return strings.Join(terms, " + ")
}

func (p *Program) storedText(s *Step) string {
	outs := make([]string, 0, len(s.Branches)+1)
	for _, v := range s.Outputs() {
		outs = append(outs, fmt.Sprintf("%s %v", p.Values[v].Name, p.Values[v].Shape))
	}
	text := strings.Join(outs, ", ")
	if s.Op == OpConv || s.Op == OpMaxPool || s.Op == OpAvgPool {
		text += ", " + s.Window.String()
	}
	if s.Op == OpConv && s.Groups > 1 {
		text += fmt.Sprintf(", %d groups", s.Groups)
	}
	return text
}

func (s Shape) String() string { return fmt.Sprintf("%d×%d×%d", s.C, s.H, s.W) }

// String returns the size of the kernel. It adds stride and dilation if they are not 1, and the pad if it is not half of
// the dilated kernel.
func (w Window) String() string {
	text := fmt.Sprintf("%d×%d", w.Kernel, w.Kernel)
	if w.Stride != 1 {
		text += fmt.Sprintf(" stride %d", w.Stride)
	}
	if w.Dilation != 1 {
		text += fmt.Sprintf(" dilation %d", w.Dilation)
	}
	if w.Pad != w.Dilation*(w.Kernel-1)/2 {
		text += fmt.Sprintf(" pad %d", w.Pad)
	}
	return text
}

func (a Activation) String() string {
	if names := [...]string{"linear", "relu", "relu6"}; a >= 0 && int(a) < len(names) {
		return names[a]
	}
	return fmt.Sprintf("Activation(%d)", int(a))
}

func (o Op) String() string {
	names := [...]string{"conv", "maxpool", "avgpool", "sum", "concat", "globalavg", "linear"}
	if o >= 0 && int(o) < len(names) {
		return names[o]
	}
	return fmt.Sprintf("Op(%d)", int(o))
}
