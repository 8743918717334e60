package export

import (
	"fmt"
	"slices"
	"strings"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// Torch returns a Python file with the network as a module of PyTorch. The names in its state dict are those of the
// architecture's: load_state_dict of the file that Safetensors writes is strict. weights is the name of that file, in the same
// folder. The file needs torch and safetensors.
//
// The modules of a cell or layer, those whose names begin alike with a word and a number (cells.0), are a class of their own.
// Cells that are alike have one class.
func Torch(d *supernet.StateDict, metadata map[string]string, weights string) ([]byte, error) {
	for _, cells := range []bool{true, false} { // without classes if the cells cannot run one after the other
		t := torch{dict: d, program: d.Program, value: make([]*expression, len(d.Program.Values)), loads: map[torchLoad]*expression{}}
		if cells {
			t.findCells()
		}
		logits, err := t.build()
		if err != nil {
			return nil, fmt.Errorf("export: %s: %w", d.Program.Name, err)
		}
		if code, ok := t.write(logits, metadata, weights); ok {
			return code, nil
		}
	}
	return nil, fmt.Errorf("export: %s: its steps have no order", d.Program.Name)
}

// torch is a Python file in the making.
type torch struct {
	dict    *supernet.StateDict
	program *kernels.Program
	cells   []string // the prefixes of the modules that are classes, in order
	images  *expression
	value   []*expression // by ValueID
	nodes   []*expression // by NodeID
	loads   map[torchLoad]*expression
	used    map[string]bool   // the modules that the network calls
	padding map[string]string // of convolutions, as constructor's argument
	made    int               // expressions
}

// torchLoad is a node as the steps of one cell load it.
type torchLoad struct {
	node kernels.NodeID
	act  kernels.Activation
	cell string
}

// reluName follows the name of a rectifier's input.
const reluName = "relu"

// expression is a tensor of the forward pass.
type expression struct {
	cell string // that computes it; empty: the network
	name string
	args []*expression // made before it
	code func(args []string) string
	made int // its number
	// named expressions have a variable. The others have one only if they are read more than once or in another cell.
	named bool
}

// new adds an expression.
func (t *torch) new(e expression) *expression {
	t.made++
	e.made = t.made
	return &e
}

// findCells finds the prefixes of the classes.
func (t *torch) findCells() {
	for _, m := range t.dict.Modules {
		parts := strings.SplitN(m.Name, ".", 3)
		if len(parts) < 3 || strings.Trim(parts[1], "0123456789") != "" {
			continue
		}
		if cell := parts[0] + "." + parts[1]; !slices.Contains(t.cells, cell) {
			t.cells = append(t.cells, cell)
		}
	}
}

// cellOf returns the cell of a name, or "".
func (t *torch) cellOf(name string) string {
	for _, cell := range t.cells {
		if name == cell || strings.HasPrefix(name, cell+".") {
			return cell
		}
	}
	return ""
}

// relative returns a name without the cell's.
func relative(name, cell string) string {
	if cell == "" {
		return name
	}
	return strings.TrimPrefix(strings.TrimPrefix(name, cell), ".")
}

// build makes the expressions of all steps and returns that of the logits.
func (t *torch) build() (*expression, error) {
	p := t.program
	t.used, t.padding = map[string]bool{}, map[string]string{}
	t.nodes = make([]*expression, len(p.Nodes))
	t.images = t.new(expression{name: "images"})
	t.value[kernels.Images] = t.images
	for i := range p.Steps {
		if err := t.step(&p.Steps[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Steps[i].Name, err)
		}
	}
	return t.value[p.Logits()], nil
}

func (t *torch) step(s *kernels.Step) error {
	p := t.program
	if s.Op == kernels.OpConv {
		for _, b := range s.Branches {
			t.convolution(s, b)
		}
		return nil
	}
	out := p.Values[s.Out]
	cell := t.cellOf(out.Name)
	var in []*expression
	for _, n := range s.In {
		in = append(in, t.load(n, s.Act, cell))
	}
	e := t.new(expression{cell: cell, name: out.Name, args: in})
	switch s.Op {
	case kernels.OpMaxPool, kernels.OpAvgPool:
		var err error
		if e.code, err = poolCode(s, p.Nodes[s.In[0]].Shape, out.Shape); err != nil {
			return err
		}
	case kernels.OpSum:
		e = e.args[0]
	case kernels.OpConcat:
		e.named, e.code = true, t.concatCode(s, out.C)
	case kernels.OpGlobalAvg:
		e.named, e.code = true, func(args []string) string { return args[0] + ".mean((2, 3), keepdim=True)" }
	case kernels.OpLinear:
		m := t.dict.Of(s.Weight)
		e.cell, e.named, e.name = t.cellOf(m.Name), true, "logits"
		e.code = func(args []string) string { return t.call(m, e.cell, args[0]+".flatten(1)") }
		t.used[m.Name] = true
	default:
		return fmt.Errorf("PyTorch: no operator for %v", s.Op)
	}
	t.value[s.Out] = e
	return nil
}

// load returns act(node) in a cell.
func (t *torch) load(n kernels.NodeID, act kernels.Activation, cell string) *expression {
	node := t.node(n)
	if act == kernels.Linear {
		return node
	}
	key := torchLoad{n, act, cell}
	if t.loads[key] == nil {
		function := map[kernels.Activation]string{kernels.ReLU: "F.relu", kernels.ReLU6: "F.relu6"}[act]
		t.loads[key] = t.new(expression{cell: cell, name: reluName, args: []*expression{node},
			code: func(args []string) string { return function + "(" + args[0] + ")" }})
	}
	return t.loads[key]
}

// node returns the sum of a node's terms.
func (t *torch) node(n kernels.NodeID) *expression {
	if t.nodes[n] != nil {
		return t.nodes[n]
	}
	node := t.program.Nodes[n]
	var terms []*expression
	for _, term := range node.Terms {
		terms = append(terms, t.term(term))
	}
	e := t.new(expression{cell: t.cellOf(node.Name), name: node.Name, args: terms, named: true})
	switch len(node.Terms) {
	case 0:
		e.args = []*expression{t.images}
		e.code = func(args []string) string {
			return fmt.Sprintf("%s.new_zeros(len(%s), %d, %d, %d)", args[0], args[0], node.C, node.H, node.W)
		}
	case 1:
		e = e.args[0]
	default:
		e.code = func(args []string) string { return strings.Join(args, " + ") }
	}
	t.nodes[n] = e
	return e
}

func (t *torch) term(term kernels.Term) *expression {
	v := t.value[term.Value]
	if term.BN == kernels.NoBN {
		return v
	}
	m := t.dict.Of(t.program.BNs[term.BN].Gamma)
	t.used[m.Name] = true
	e := t.new(expression{cell: t.cellOf(m.Name), name: m.Name, args: []*expression{v}, named: true})
	e.code = func(args []string) string { return t.call(m, e.cell, args[0]) }
	return e
}

func (t *torch) convolution(s *kernels.Step, b kernels.Branch) {
	m := t.dict.Of(b.Weight)
	t.used[m.Name] = true
	from, to := t.program.Nodes[s.In[0]].Shape, t.program.Values[b.Out].Shape
	rows, columns := frames(from, to, s.Window)
	crop := cropCode(from, rows, columns)
	rows, columns = rows.padded(), columns.padded()
	pad := ""
	switch {
	case rows.before != rows.after || columns.before != columns.after:
		pad = padCode(rows, columns)
	case rows != columns:
		t.padding[m.Name] = fmt.Sprintf("(%d, %d)", rows.before, columns.before)
	case rows.before > 0:
		t.padding[m.Name] = fmt.Sprint(rows.before)
	}
	cell := t.cellOf(m.Name)
	in := t.load(s.In[0], s.Act, cell)
	e := t.new(expression{cell: cell, name: m.Name, args: []*expression{in}})
	e.code = func(args []string) string {
		in := args[0] + crop
		if pad != "" {
			in = "F.pad(" + in + ", " + pad + ")"
		}
		return t.call(m, e.cell, in)
	}
	t.value[b.Out] = e
}

// call returns the code that calls a module in a cell.
func (t *torch) call(m *supernet.Module, cell, in string) string {
	return fmt.Sprintf("self[%q](%s)", relative(m.Name, cell), in)
}

// cropCode returns the index that leaves pixels out, or "".
func cropCode(shape kernels.Shape, rows, columns frame) string {
	if !rows.crops() && !columns.crops() {
		return ""
	}
	part := func(f frame, size int) string {
		from, to := f.kept(size)
		text := ":"
		if from > 0 {
			text = fmt.Sprint(from) + text
		}
		if to < size {
			text += fmt.Sprint(to)
		}
		return text
	}
	return fmt.Sprintf("[:, :, %s, %s]", part(rows, shape.H), part(columns, shape.W))
}

// padCode returns the sizes of F.pad.
func padCode(rows, columns frame) string {
	return fmt.Sprintf("(%d, %d, %d, %d)", columns.before, columns.after, rows.before, rows.after)
}

// poolCode returns the code of a pool. PyTorch's average pool has no dilation and equal margins of at most half of the kernel.
func poolCode(s *kernels.Step, from, to kernels.Shape) (func(args []string) string, error) {
	rows, columns := frames(from, to, s.Window)
	crop := cropCode(from, rows, columns)
	rows, columns = rows.padded(), columns.padded()
	plain := rows == columns && rows.before == rows.after && rows.before <= s.Kernel/2
	if s.Op == kernels.OpAvgPool && (s.Dilation != 1 || !plain) {
		return nil, fmt.Errorf("PyTorch: no average pool with the window %v and margins of %v rows and %v columns", s.Window, rows, columns)
	}
	function, padding, last := "F.max_pool2d", rows.before, ""
	if s.Op == kernels.OpAvgPool {
		function = "F.avg_pool2d"
		if padding > 0 {
			last = ", count_include_pad=False"
		}
	} else if s.Dilation != 1 {
		last = fmt.Sprintf(", dilation=%d", s.Dilation)
	}
	return func(args []string) string {
		in := args[0] + crop
		sizes := fmt.Sprintf("%d, stride=%d", s.Kernel, s.Stride)
		switch {
		case !plain:
			in = "F.pad(" + in + ", " + padCode(rows, columns) + `, value=float("-inf"))`
		case padding > 0:
			sizes += fmt.Sprintf(", padding=%d", padding)
		}
		return function + "(" + in + ", " + sizes + last + ")"
	}, nil
}

// concatCode returns the code of a concatenation, of which a value may have the first channels only.
func (t *torch) concatCode(s *kernels.Step, channels int) func(args []string) string {
	all := 0
	for _, n := range s.In {
		all += t.program.Nodes[n].C
	}
	part := ""
	if channels < all {
		part = fmt.Sprintf("[:, :%d]", channels)
	}
	return func(args []string) string { return "torch.cat([" + strings.Join(args, ", ") + "], 1)" + part }
}
