package kernels

import (
	"fmt"
	"math"
	"slices"
)

// Limits that keep every size and index of a Program within an int.
const (
	maxDim    = 1 << 20 // of C, H, W and of a window's numbers
	maxLength = 1 << 31 // of C·H·W, and of a parameter
)

// Validate returns an error if the program breaks a rule in the comments of its types. The error names the value,
// BatchNorm, node, step or block.
//
// There are further rules: the images and the logits have no BatchNorm, the logits enter no node, a parameter is used
// once, the branches of a step have equal heights and widths, and every window of a pool contains a pixel of the image.
func (p *Program) Validate() error {
	if err := p.validate(); err != nil {
		return fmt.Errorf("kernels: program %q: %w", p.Name, err)
	}
	return nil
}

func (p *Program) validate() error {
	if len(p.Values) == 0 {
		return fmt.Errorf("no values: Values[0] must be the images")
	}
	if len(p.Steps) == 0 {
		return fmt.Errorf("no steps: the last must be linear")
	}
	for i, v := range p.Values {
		if err := v.Shape.check(); err != nil {
			return fmt.Errorf("value %d (%s): %w", i, v.Name, err)
		}
	}
	for _, rule := range []func() error{p.checkBNs, p.checkNodes, p.checkClassifiers, p.checkSteps, p.checkLogits, p.checkUses, p.checkBlocks} {
		if err := rule(); err != nil {
			return err
		}
	}
	return nil
}

func (s Shape) check() error {
	for _, d := range [...]int{s.C, s.H, s.W} {
		if d < 1 || d > maxDim {
			return fmt.Errorf("shape %v has a size outside 1…%d", s, maxDim)
		}
	}
	if s.C*s.H > maxLength/s.W {
		return fmt.Errorf("shape %v has more than %d elements", s, maxLength)
	}
	return nil
}

func (p *Program) hasValue(v ValueID) bool { return v >= 0 && int(v) < len(p.Values) }
func (p *Program) hasNode(n NodeID) bool   { return n >= 0 && int(n) < len(p.Nodes) }

func (p *Program) checkBNs() error {
	for i, b := range p.BNs {
		switch {
		case !p.hasValue(b.Value):
			return fmt.Errorf("BN %d (%s): no value %d", i, b.Name, b.Value)
		case b.Value == Images:
			return fmt.Errorf("BN %d (%s): normalises the images, which no step stores", i, b.Name)
		case b.Gamma < 0 || b.Beta < 0:
			return fmt.Errorf("BN %d (%s): needs both γ and β, has parameters %d and %d", i, b.Name, b.Gamma, b.Beta)
		case !(b.Eps > 0) || math.IsInf(b.Eps, 0):
			return fmt.Errorf("BN %d (%s): ε = %v is not positive and finite", i, b.Name, b.Eps)
		}
	}
	return nil
}

func (p *Program) checkNodes() error {
	owner := make([]NodeID, len(p.BNs))
	for i := range owner {
		owner[i] = -1
	}
	for i, node := range p.Nodes {
		fail := func(format string, a ...any) error {
			return fmt.Errorf("node %d (%s): %w", i, node.Name, fmt.Errorf(format, a...))
		}
		if err := node.Shape.check(); err != nil {
			return fail("%w", err)
		}
		if len(node.Terms) > MaxTerms {
			return fail("%d terms, at most %d can be summed in a load", len(node.Terms), MaxTerms)
		}
		for k, t := range node.Terms {
			switch {
			case !p.hasValue(t.Value):
				return fail("term %d: no value %d", k, t.Value)
			case p.Values[t.Value].Shape != node.Shape:
				return fail("term %d: value %d (%s) has shape %v, the node %v", k, t.Value, p.Values[t.Value].Name, p.Values[t.Value].Shape, node.Shape)
			case t.BN == NoBN:
				continue
			case t.BN < 0 || int(t.BN) >= len(p.BNs):
				return fail("term %d: no BN %d", k, t.BN)
			case p.BNs[t.BN].Value != t.Value:
				return fail("term %d: BN %d (%s) normalises value %d, not %d", k, t.BN, p.BNs[t.BN].Name, p.BNs[t.BN].Value, t.Value)
			case owner[t.BN] >= 0:
				return fail("term %d: BN %d (%s) already belongs to node %d", k, t.BN, p.BNs[t.BN].Name, owner[t.BN])
			}
			owner[t.BN] = NodeID(i)
		}
	}
	for b, n := range owner {
		if n < 0 {
			return fmt.Errorf("BN %d (%s): belongs to no node", b, p.BNs[b].Name)
		}
	}
	return nil
}

func (p *Program) checkSteps() error {
	stored := make([]bool, len(p.Values))
	stored[Images] = true
	for i := range p.Steps {
		s := &p.Steps[i]
		fail := func(err error) error { return fmt.Errorf("step %d (%s): %w", i, s.Name, err) }
		if err := p.checkLoad(s, stored); err != nil {
			return fail(err)
		}
		for _, out := range s.Outputs() {
			if !p.hasValue(out) {
				return fail(fmt.Errorf("no value %d to store", out))
			}
			if stored[out] {
				return fail(fmt.Errorf("value %d (%s) is already stored", out, p.Values[out].Name))
			}
			stored[out] = true
		}
		if err := p.checkOp(s); err != nil {
			return fail(err)
		}
	}
	for v, ok := range stored {
		if !ok {
			return fmt.Errorf("value %d (%s): no step stores it", v, p.Values[v].Name)
		}
	}
	return nil
}

// checkLoad checks the common part of all ops: the nodes and the activation.
func (p *Program) checkLoad(s *Step, stored []bool) error {
	if len(s.In) == 0 || len(s.In) > 1 && s.Op != OpConcat {
		return fmt.Errorf("%v loads %d nodes", s.Op, len(s.In))
	}
	for _, n := range s.In {
		if !p.hasNode(n) {
			return fmt.Errorf("no node %d to load", n)
		}
		for _, t := range p.Nodes[n].Terms {
			if !stored[t.Value] {
				return fmt.Errorf("loads node %d (%s) before value %d (%s) is stored", n, p.Nodes[n].Name, t.Value, p.Values[t.Value].Name)
			}
		}
	}
	switch {
	case s.Act < Linear || s.Act > ReLU6:
		return fmt.Errorf("no activation %d", s.Act)
	case s.Act == Linear && s.ReLUs != 0:
		return fmt.Errorf("a linear load stands for %d activations", s.ReLUs)
	case s.Act != Linear && (s.ReLUs < 1 || s.ReLUs > maxDim):
		return fmt.Errorf("a %v load stands for %d activations, must be 1…%d", s.Act, s.ReLUs, maxDim)
	case (s.Op == OpConv) != (len(s.Branches) > 0):
		return fmt.Errorf("%v has %d branches", s.Op, len(s.Branches))
	}
	return nil
}

// checkOp checks one op's shapes and geometry.
func (p *Program) checkOp(s *Step) error {
	in := p.Nodes[s.In[0]].Shape
	out := p.Values[s.Outputs()[0]].Shape
	want := in
	switch s.Op {
	case OpConv:
		return p.checkConv(s, in)
	case OpMaxPool, OpAvgPool:
		if err := s.Window.check(); err != nil {
			return err
		}
		if !s.Window.covers(in.H, out.H) || !s.Window.covers(in.W, out.W) {
			return fmt.Errorf("window %+v from %v to %v: an output reads nothing of the image", s.Window, in, out)
		}
		want.H, want.W = out.H, out.W
	case OpSum:
	case OpConcat:
		for _, n := range s.In[1:] {
			next := p.Nodes[n].Shape
			if next.H != in.H || next.W != in.W {
				return fmt.Errorf("concatenates %v with node %d (%s) of %v", in, n, p.Nodes[n].Name, next)
			}
			want.C += next.C
		}
		if last := p.Nodes[s.In[len(s.In)-1]].C; out.C < want.C && out.C > want.C-last {
			want.C = out.C
		}
	case OpGlobalAvg:
		want = Shape{in.C, 1, 1}
	case OpLinear:
		if in.H != 1 || in.W != 1 {
			return fmt.Errorf("linear on %v, needs C×1×1", in)
		}
		if s.Weight < 0 || s.Bias < NoParam {
			return fmt.Errorf("linear with weight %d and bias %d", s.Weight, s.Bias)
		}
		want = Shape{out.C, 1, 1}
	default:
		return fmt.Errorf("no op %d", s.Op)
	}
	if out != want {
		return fmt.Errorf("%v stores %v, must be %v", s.Op, out, want)
	}
	return nil
}

func (p *Program) checkConv(s *Step, in Shape) error {
	if err := s.Window.check(); err != nil {
		return err
	}
	first := p.Values[s.Branches[0].Out].Shape
	for i, b := range s.Branches {
		out := p.Values[b.Out].Shape
		switch {
		case b.Weight < 0:
			return fmt.Errorf("branch %d: no weight", i)
		case s.Groups < 1 || in.C%s.Groups != 0 || out.C%s.Groups != 0:
			return fmt.Errorf("branch %d: %d groups do not divide %d input and %d output channels", i, s.Groups, in.C, out.C)
		case out.H != first.H || out.W != first.W:
			return fmt.Errorf("branch %d: stores %v beside %v", i, out, first)
		}
	}
	return nil
}

func (w Window) check() error {
	for _, d := range [...]int{w.Kernel, w.Stride, w.Dilation} {
		if d < 1 || d > maxDim {
			return fmt.Errorf("window %+v: kernel, stride and dilation must be in 1…%d", w, maxDim)
		}
	}
	if w.Pad < -maxDim || w.Pad > maxDim {
		return fmt.Errorf("window %+v: pad outside ±%d", w, maxDim)
	}
	return nil
}

// covers reports whether each of out windows reads at least one of in pixels. It looks at the first tap of each window
// that is not left of the image.
func (w Window) covers(in, out int) bool {
	for o := range out {
		at := o*w.Stride - w.Pad
		if at < 0 {
			at += min((-at+w.Dilation-1)/w.Dilation, w.Kernel-1) * w.Dilation
		}
		if at < 0 || at >= in {
			return false
		}
	}
	return true
}

// checkUses returns an error if a parameter is used twice: Backward writes gradients and does not accumulate them.
func (p *Program) checkUses() error {
	user := make(map[ParamID]paramUser, 2*len(p.BNs)+len(p.Steps))
	var err error
	p.eachParam(func(id ParamID, by paramUser, _ ParamKind, _ []int) {
		if first, ok := user[id]; ok && err == nil {
			err = fmt.Errorf("%s: parameter %d is already used by %s", by, id, first)
		}
		user[id] = by
	})
	return err
}

func (p *Program) checkBlocks() error {
	for i, b := range p.Blocks {
		if !p.hasNode(b.In) || !p.hasNode(b.Out) {
			return fmt.Errorf("block %d (%s): no nodes %d and %d", i, b.Name, b.In, b.Out)
		}
	}
	return nil
}

// CheckParams returns an error if a parameter of a valid Program is not in the table, has another kind there, or has a
// shape that the Program's use does not fit: see View. The classifier's must be exactly that of its use.
func (p *Program) CheckParams(params []Param) error {
	var err error
	p.eachParam(func(id ParamID, by paramUser, kind ParamKind, shape []int) {
		switch {
		case err != nil:
		case int(id) >= len(params):
			err = fmt.Errorf("kernels: program %q: %s: parameter %d is not among the store's %d", p.Name, by, id, len(params))
		case params[id].Kind != kind:
			err = fmt.Errorf("kernels: program %q: %s: parameter %d (%s) is of kind %d, must be %d", p.Name, by, id, params[id].Name, params[id].Kind, kind)
		case !slices.Equal(params[id].Shape, shape) && (kind == LinearWeight || kind == LinearBias):
			err = fmt.Errorf("kernels: program %q: %s: parameter %d (%s) has shape %v, must be %v", p.Name, by, id, params[id].Name, params[id].Shape, shape)
		case !contains(params[id].Shape, shape):
			err = fmt.Errorf("kernels: program %q: %s: parameter %d (%s) has shape %v, must be %v or have more channels", p.Name, by, id, params[id].Name, params[id].Shape, shape)
		}
	})
	return err
}

// contains reports whether a use of the given shape can be a View of a parameter of the shape whole.
func contains(whole, shape []int) bool {
	if len(whole) != len(shape) {
		return false
	}
	for i, n := range shape {
		if n > whole[i] || n < whole[i] && i > 1 {
			return false
		}
	}
	return true
}

// paramUser is the BN or step that uses a parameter.
type paramUser struct {
	kind  string
	index int
	name  string
}

func (u paramUser) String() string { return fmt.Sprintf("%s %d (%s)", u.kind, u.index, u.name) }

// eachParam calls visit for every parameter of p, with its user, its kind and its shape, which is valid during the call.
func (p *Program) eachParam(visit func(id ParamID, by paramUser, kind ParamKind, shape []int)) {
	shape := make([]int, 4)
	use := func(id ParamID, by paramUser, kind ParamKind, sizes ...int) {
		visit(id, by, kind, shape[:copy(shape, sizes)])
	}
	for i := range p.BNs {
		b := &p.BNs[i]
		by, c := paramUser{"BN", i, b.Name}, p.Values[b.Value].C
		use(b.Gamma, by, Gamma, c)
		use(b.Beta, by, Beta, c)
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		by, in := paramUser{"step", i, s.Name}, p.Nodes[s.In[0]].C
		for _, b := range s.Branches {
			use(b.Weight, by, ConvWeight, p.WeightShape(s, b)...)
		}
		if s.Op == OpLinear {
			use(s.Weight, by, LinearWeight, p.Values[s.Out].C, in)
			if s.Bias != NoParam {
				use(s.Bias, by, LinearBias, p.Values[s.Out].C)
			}
		}
	}
}
