package export

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"unicode"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// write returns the file. ok is false if two cells need each other's results.
func (t *torch) write(logits *expression, metadata map[string]string, weights string) (code []byte, ok bool) {
	w := writer{torch: t, readers: map[*expression]int{}, outputs: map[string][]*expression{}, of: map[string][]*expression{}}
	if !w.order(logits) {
		return nil, false
	}
	file := struct {
		About, Weights string
		Channels       int // of the images
		Classes        []*class
		Network        *class
	}{about(metadata), weights, t.program.Values[kernels.Images].C, nil, nil}
	calls := map[string]call{}
	for _, cell := range t.cells {
		c, inputs := w.cell(cell)
		if i := slices.IndexFunc(file.Classes, func(other *class) bool { return other.same(c) }); i >= 0 {
			file.Classes[i].Cells = append(file.Classes[i].Cells, cell)
			c = file.Classes[i]
		} else {
			file.Classes = append(file.Classes, c)
		}
		calls[cell] = call{c, inputs}
	}
	file.Network = w.network(calls, logits)
	var b bytes.Buffer
	if err := torchFile.Execute(&b, file); err != nil {
		panic(err) // the template is a part of this package
	}
	return b.Bytes(), true
}

// about describes the network in a line.
func about(metadata map[string]string) string {
	return fmt.Sprintf("%s of %s, BatchNorm %s", metadata["arch"], metadata["space"], metadata["bn"])
}

// class is a class of the Python file.
type class struct {
	Name    string
	Cells   []string // that are of this class
	Modules []string // lines of a dict
	Inputs  []string
	Lines   []string // of forward
}

func (c *class) same(d *class) bool {
	return slices.Equal(c.Modules, d.Modules) && slices.Equal(c.Inputs, d.Inputs) && slices.Equal(c.Lines, d.Lines)
}

// call is how the network calls a cell.
type call struct {
	class  *class
	inputs []*expression
}

// writer knows where each expression is read.
type writer struct {
	*torch
	sequence []*expression            // of the network: its own expressions, and for each cell its first
	of       map[string][]*expression // the expressions of each cell, in order
	outputs  map[string][]*expression // of each cell: what others read
	readers  map[*expression]int      // in its own cell
}

// order sorts the expressions that the logits need. It returns false if two cells need each other's results.
func (w *writer) order(logits *expression) bool {
	seen := map[*expression]bool{}
	var visit func(e *expression)
	visit = func(e *expression) {
		if seen[e] {
			return
		}
		seen[e] = true
		for _, a := range e.args {
			visit(a)
			if a.cell == e.cell || a.cell == "" {
				w.readers[a]++
			} else if !slices.Contains(w.outputs[a.cell], a) {
				w.outputs[a.cell] = append(w.outputs[a.cell], a)
			}
		}
		w.of[e.cell] = append(w.of[e.cell], e)
	}
	visit(logits)
	for _, list := range w.of {
		slices.SortFunc(list, func(a, b *expression) int { return a.made - b.made })
	}
	for _, list := range w.outputs {
		slices.SortFunc(list, func(a, b *expression) int { return a.made - b.made })
	}
	if logits.cell != "" {
		w.outputs[logits.cell] = append(w.outputs[logits.cell], logits)
	}
	const inside, done = 1, 2
	state := map[any]int{}
	var place func(e *expression) bool
	place = func(e *expression) bool {
		key, args := any(e), e.args
		if e.cell != "" {
			key, args = any(e.cell), w.inputs(e.cell)
		}
		if state[key] != 0 {
			return state[key] == done
		}
		state[key] = inside
		for _, a := range args {
			if !place(a) {
				return false
			}
		}
		state[key] = done
		w.sequence = append(w.sequence, e)
		return true
	}
	return place(logits)
}

// inputs lists what a cell reads of others, in the order of reading.
func (w *writer) inputs(cell string) []*expression {
	var inputs []*expression
	for _, e := range w.of[cell] {
		for _, a := range e.args {
			if a.cell != cell && !slices.Contains(inputs, a) {
				inputs = append(inputs, a)
			}
		}
	}
	return inputs
}

// cell writes the class of a cell.
func (w *writer) cell(cell string) (*class, []*expression) {
	word, number, _ := strings.Cut(cell, ".")
	c := &class{Name: strings.ToUpper(word[:1]) + identifier(word[1:]) + number, Cells: []string{cell}}
	for i := range w.dict.Modules {
		if m := &w.dict.Modules[i]; w.cellOf(m.Name) == cell {
			c.Modules = append(c.Modules, w.entry(relative(m.Name, cell), m))
		}
	}
	inputs := w.inputs(cell)
	s := scope{cell: cell, names: map[*expression]string{}, taken: map[string]bool{"self": true}}
	for i, in := range inputs {
		name := "x"
		if len(inputs) > 1 {
			name = fmt.Sprintf("x%d", i)
		}
		c.Inputs = append(c.Inputs, s.take(in, name))
	}
	for _, e := range w.of[cell] {
		if output := slices.Contains(w.outputs[cell], e); output || e.named || w.readers[e] > 1 {
			c.Lines = append(c.Lines, s.assign(e))
		}
	}
	var results []string
	for _, e := range w.outputs[cell] {
		results = append(results, s.names[e])
	}
	if len(results) > 0 {
		c.Lines = append(c.Lines, "return "+strings.Join(results, ", "))
	}
	return c, inputs
}

// network writes the class of the whole network.
func (w *writer) network(calls map[string]call, logits *expression) *class {
	c := &class{Name: "Network", Inputs: []string{"images"}}
	listed := map[string]bool{}
	for i := range w.dict.Modules {
		m := &w.dict.Modules[i]
		switch cell := w.cellOf(m.Name); {
		case cell == "":
			c.Modules = append(c.Modules, w.entry(m.Name, m))
		case !listed[cell]:
			listed[cell] = true
			c.Modules = append(c.Modules, fmt.Sprintf("%q: %s(),", cell, calls[cell].class.Name))
		}
	}
	s := scope{names: map[*expression]string{w.images: "images"}, taken: map[string]bool{"self": true, "images": true}}
	for _, e := range w.sequence {
		if e.cell != "" {
			var args, results []string
			for _, in := range calls[e.cell].inputs {
				args = append(args, s.expand(in))
			}
			for _, out := range w.outputs[e.cell] {
				name := e.cell
				if len(w.outputs[e.cell]) > 1 {
					name = out.name
				}
				results = append(results, s.take(out, name))
			}
			c.Lines = append(c.Lines, fmt.Sprintf("%s = self[%q](%s)", strings.Join(results, ", "), e.cell, strings.Join(args, ", ")))
			continue
		}
		if e != w.images && (e.named || w.readers[e] > 1) {
			c.Lines = append(c.Lines, s.assign(e))
		}
	}
	c.Lines = append(c.Lines, "return "+s.names[logits])
	return c
}

// scope is a forward function in the making.
type scope struct {
	cell  string
	names map[*expression]string // of variables
	taken map[string]bool
}

// take gives an expression a variable.
func (s *scope) take(e *expression, name string) string {
	name = identifier(name)
	free := name
	for i := 2; s.taken[free]; i++ {
		free = fmt.Sprintf("%s_%d", name, i)
	}
	s.taken[free], s.names[e] = true, free
	return free
}

// assign gives an expression a variable, and returns the line that does so.
func (s *scope) assign(e *expression) string {
	code, name := s.expand(e), relative(e.name, s.cell)
	if e.name == reluName {
		name = s.names[e.args[0]] + "_" + reluName
	}
	return s.take(e, name) + " = " + code
}

// expand returns the variable of an expression, or its code.
func (s *scope) expand(e *expression) string {
	if name, ok := s.names[e]; ok {
		return name
	}
	args := make([]string, len(e.args))
	for i, a := range e.args {
		args[i] = s.expand(a)
	}
	return e.code(args)
}

// identifier returns a name as one of Python.
func identifier(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '_'
	}, name)
	switch {
	case name == "":
		return "out"
	case unicode.IsDigit(rune(name[0])) || slices.Contains(pythonWords, name):
		return "_" + name
	}
	return name
}

// pythonWords cannot be variables of the file.
var pythonWords = []string{"False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
	"elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass",
	"raise", "return", "try", "while", "with", "yield", "F", "float", "len", "torch"}

// entry returns the line of a module in the dict of its class.
func (w *writer) entry(name string, m *supernet.Module) string {
	line := fmt.Sprintf("%q: %s,", name, w.construction(m))
	if !w.used[m.Name] {
		line += "  # no path to the logits"
	}
	return line
}

func (w *writer) construction(m *supernet.Module) string {
	shape := m.Weight.Shape
	switch m.Kind {
	case supernet.BatchNormModule:
		return fmt.Sprintf("nn.BatchNorm2d(%d%s)", shape[0], w.eps(m))
	case supernet.LinearModule:
		bias := ""
		if m.Bias.Name == "" {
			bias = ", bias=False"
		}
		return fmt.Sprintf("nn.Linear(%d, %d%s)", shape[1], shape[0], bias)
	}
	groups := max(m.Conv.Groups, 1)
	sizes := ""
	for _, option := range []struct {
		name  string
		value int
	}{{"stride", m.Conv.Stride}, {"dilation", m.Conv.Dilation}, {"groups", groups}} {
		if option.value > 1 {
			sizes += fmt.Sprintf(", %s=%d", option.name, option.value)
		}
	}
	if padding := w.padding[m.Name]; padding != "" {
		sizes += ", padding=" + padding
	}
	return fmt.Sprintf("nn.Conv2d(%d, %d, %d%s, bias=False)", shape[1]*groups, shape[0], shape[2], sizes)
}

// eps returns the argument for the ε of a BatchNorm, or "" if it is PyTorch's default.
func (w *writer) eps(m *supernet.Module) string {
	for _, b := range w.program.BNs {
		if b.Gamma == m.Param && b.Eps != supernet.Eps {
			return fmt.Sprintf(", eps=%v", b.Eps)
		}
	}
	return ""
}

var torchFile = template.Must(template.New("torch").Funcs(template.FuncMap{"join": strings.Join}).Parse(`"""{{.About}}. Written by bnas.

    network, about = load()
    logits = network(normalise(pixels, about))  # pixels: N×{{.Channels}}×H×W in 0…1

Needs torch and safetensors.
"""

import json
import pathlib

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F


class Named(nn.Module):
    """Modules by their names in the state dict: self["conv.0"]."""

    def __init__(self, modules):
        super().__init__()
        for name, module in modules.items():
            *path, last = name.split(".")
            parent = self
            for part in path:
                if part not in parent._modules:
                    parent.add_module(part, nn.Module())
                parent = parent._modules[part]
            parent.add_module(last, module)

    def __getitem__(self, name):
        return self.get_submodule(name)
{{range .Classes}}

class {{.Name}}(Named):
    """{{join .Cells ", "}}"""
{{template "body" .}}{{end}}

class Network(Named):
{{- template "body" .Network}}

def load(path=pathlib.Path(__file__).with_name({{printf "%q" .Weights}})):
    """The network with its weights in evaluation mode, and what bnas knows of it. A network of a run has class_names, mean and std."""
    with safe_open(path, "pt") as f:
        about = dict(f.metadata())
    for name in ("classes", "channels", "cells", "height", "width", "seed", "class_names", "mean", "std", "chain", "image_channels"):
        if name in about:
            about[name] = json.loads(about[name])
    network = Network()
    network.load_state_dict(load_file(path), strict=True)
    return network.eval(), about


def save(network, about, path):
    """Writes the network for bnas import."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in about.items()}
    save_file(network.state_dict(), path, texts)


def normalise(pixels, about):
    """Pixels in 0…1, N×{{.Channels}}×H×W, as the network saw them in training."""
    if "mean" not in about:
        raise ValueError("the file has no mean and std: the network is of no run (bnas export --run DIR)")
    mean, std = (torch.tensor(about[name]).view(-1, 1, 1) for name in ("mean", "std"))
    return (pixels - mean) / std
{{define "body"}}
    def __init__(self):
        super().__init__({
{{- range .Modules}}
            {{.}}
{{- end}}
        })
{{if .Lines}}
    def forward(self, {{join .Inputs ", "}}):
{{- range .Lines}}
        {{.}}
{{- end}}
{{end}}{{end}}`))
