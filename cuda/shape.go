package cuda

import (
	"fmt"
	"strings"

	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
	"bnas.example/kernels/plan"
)

// The shape of a launch is a line that says all on which its instructions depend, beside its kernel and its grid. It is made
// for a trace alone.

var activationNames = map[kernels.Activation]string{kernels.Linear: "", kernels.ReLU: " relu", kernels.ReLU6: " relu6"}

// forwardShape is the shape of a step's forward launch.
func (a *plans) forwardShape(s *stepPlan, statRows int) string {
	b := &strings.Builder{}
	if s.step != nil {
		for _, node := range s.step.In {
			a.writeNode(b, node, s.step.Act)
			b.WriteString(" ")
		}
		writeWindow(b, s.step)
	}
	b.WriteString("->")
	for _, v := range s.outs {
		fmt.Fprintf(b, " %v%s", a.p.Values[v].Shape, a.halfMark(v))
	}
	if len(s.norms) > 0 && statRows > 0 {
		fmt.Fprintf(b, " %d bn", len(s.norms))
	}
	return b.String()
}

// backwardShape is the shape of the launch of one addition to a node's gradient.
func (a *plans) backwardShape(table *backwardTable, s *stepPlan, t plan.Target, frozen, sums bool) string {
	b := &strings.Builder{}
	a.writeNode(b, t.Node, s.step.Act)
	b.WriteString(" ")
	writeWindow(b, s.step)
	b.WriteString("<-")
	for _, v := range s.outs {
		fmt.Fprintf(b, " %v%s(%s)", a.p.Values[v].Shape, a.halfMark(v), a.sourcesShape(table, v))
	}
	if !t.First {
		b.WriteString(" add")
	}
	if sums && t.Last && a.sums[t.Node] >= 0 {
		b.WriteString(" sums")
	}
	if frozen {
		b.WriteString(" frozen")
	}
	return b.String()
}

// classifierShape is the shape of the launch of a classifier's gradients.
func (a *plans) classifierShape(s *stepPlan, n int) string {
	b := &strings.Builder{}
	a.writeNode(b, s.step.In[0], s.step.Act)
	fmt.Fprintf(b, " %d classes %d images", a.p.Classes(), n)
	return b.String()
}

func (a *plans) halfMark(v kernels.ValueID) string {
	if a.half(v) != 0 {
		return "h"
	}
	return ""
}

func (a *plans) writeNode(b *strings.Builder, id kernels.NodeID, act kernels.Activation) {
	n := a.p.Nodes[id]
	fmt.Fprintf(b, "%v(", n.Shape)
	for k, t := range n.Terms {
		if k > 0 {
			b.WriteString("+")
		}
		b.WriteString("x" + a.halfMark(t.Value))
		if t.BN != kernels.NoBN {
			b.WriteString(".bn")
		}
		if t.Factor {
			b.WriteString(".f")
		}
	}
	fmt.Fprintf(b, ")%s", activationNames[act])
}

// sourcesShape lists the gradients that a value's gradient is formed from.
func (a *plans) sourcesShape(table *backwardTable, v kernels.ValueID) string {
	var list []string
	if a.dLogits[v] >= 0 && table.order.From == plan.NoNode {
		list = append(list, "logits")
	}
	for _, u := range a.uses[v] {
		if table.gradient[u.Node] < 0 {
			continue
		}
		name := "g"
		if u.BN != kernels.NoBN {
			name += ".bn"
		}
		if u.Row != kernels.NoFactor {
			name += ".f"
		}
		list = append(list, name)
	}
	return strings.Join(list, "+")
}

func writeWindow(b *strings.Builder, s *kernels.Step) {
	if s.Kernel == 0 {
		return
	}
	fmt.Fprintf(b, "%v", s.Window)
	if s.Op == kernels.OpConv && s.Groups != 1 {
		fmt.Fprintf(b, " groups %d", s.Groups)
	}
	b.WriteString(" ")
}

// lengthsShape lists the lengths of parameters: 32×16 for 32 of 16 elements.
func lengthsShape(list []gpu.Parameter) string {
	var parts []string
	for i, n := 0, 0; i < len(list); i += n {
		for n = 1; i+n < len(list) && list[i+n].Length == list[i].Length; n++ {
		}
		parts = append(parts, fmt.Sprintf("%d×%d", n, list[i].Length))
	}
	return strings.Join(parts, " ")
}
