package export

import (
	"testing"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

func TestCodeOfPools(t *testing.T) {
	for _, c := range []struct {
		op       kernels.Op
		window   kernels.Window
		from, to kernels.Shape
		want     string // "": an error
	}{
		{kernels.OpMaxPool, kernels.Window{Kernel: 3, Stride: 2, Pad: 1, Dilation: 1}, kernels.Shape{H: 8, W: 8}, kernels.Shape{H: 4, W: 4}, "F.max_pool2d(x, 3, stride=2, padding=1)"},
		{kernels.OpMaxPool, kernels.Window{Kernel: 2, Stride: 2, Pad: 0, Dilation: 1}, kernels.Shape{H: 8, W: 8}, kernels.Shape{H: 4, W: 4}, "F.max_pool2d(x, 2, stride=2)"},
		{kernels.OpMaxPool, kernels.Window{Kernel: 3, Stride: 1, Pad: 2, Dilation: 2}, kernels.Shape{H: 8, W: 8}, kernels.Shape{H: 8, W: 8}, `F.max_pool2d(F.pad(x, (2, 2, 2, 2), value=float("-inf")), 3, stride=1, dilation=2)`},
		{kernels.OpMaxPool, kernels.Window{Kernel: 1, Stride: 2, Pad: -1, Dilation: 1}, kernels.Shape{H: 8, W: 8}, kernels.Shape{H: 4, W: 4}, "F.max_pool2d(x[:, :, 1:, 1:], 1, stride=2)"},
		{kernels.OpMaxPool, kernels.Window{Kernel: 3, Stride: 2, Pad: 0, Dilation: 1}, kernels.Shape{H: 8, W: 9}, kernels.Shape{H: 4, W: 4}, `F.max_pool2d(F.pad(x, (0, 0, 0, 1), value=float("-inf")), 3, stride=2)`},
		{kernels.OpMaxPool, kernels.Window{Kernel: 3, Stride: 2, Pad: 0, Dilation: 1}, kernels.Shape{H: 9, W: 8}, kernels.Shape{H: 4, W: 4}, `F.max_pool2d(F.pad(x, (0, 1, 0, 0), value=float("-inf")), 3, stride=2)`},
		{kernels.OpAvgPool, kernels.Window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1}, kernels.Shape{H: 8, W: 8}, kernels.Shape{H: 8, W: 8}, "F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)"},
		{kernels.OpAvgPool, kernels.Window{Kernel: 2, Stride: 2, Pad: 0, Dilation: 1}, kernels.Shape{H: 8, W: 8}, kernels.Shape{H: 4, W: 4}, "F.avg_pool2d(x, 2, stride=2)"},
		{kernels.OpAvgPool, kernels.Window{Kernel: 3, Stride: 1, Pad: 2, Dilation: 1}, kernels.Shape{H: 8, W: 8}, kernels.Shape{H: 10, W: 10}, ""},
		{kernels.OpAvgPool, kernels.Window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 2}, kernels.Shape{H: 8, W: 8}, kernels.Shape{H: 6, W: 6}, ""},
		{kernels.OpAvgPool, kernels.Window{Kernel: 3, Stride: 2, Pad: 0, Dilation: 1}, kernels.Shape{H: 9, W: 8}, kernels.Shape{H: 4, W: 4}, ""},
	} {
		code, err := poolCode(&kernels.Step{Op: c.op, Window: c.window}, c.from, c.to)
		got := ""
		if err == nil {
			got = code([]string{"x"})
		}
		if got != c.want {
			t.Errorf("%v of %v: %q, %v, want %q", c.window, c.from, got, err, c.want)
		}
	}
}

// TestCodeOfConvolutions: a convolution pads itself if both ends of a side have the same margin, each side with its own.
func TestCodeOfConvolutions(t *testing.T) {
	conv := func(stride, pad int) kernels.Window {
		return kernels.Window{Kernel: 3, Stride: stride, Pad: pad, Dilation: 1}
	}
	for _, c := range []struct {
		window   kernels.Window
		from, to kernels.Shape
		padding  string
		want     string
	}{
		{conv(1, 1), kernels.Shape{H: 8, W: 8}, kernels.Shape{H: 8, W: 8}, "1", `self["conv"](images)`},
		{conv(1, 0), kernels.Shape{H: 8, W: 8}, kernels.Shape{H: 6, W: 6}, "", `self["conv"](images)`},
		{conv(2, 0), kernels.Shape{H: 8, W: 9}, kernels.Shape{H: 4, W: 4}, "", `self["conv"](F.pad(images, (0, 0, 0, 1)))`},
		{conv(2, 0), kernels.Shape{H: 9, W: 8}, kernels.Shape{H: 4, W: 4}, "", `self["conv"](F.pad(images, (0, 1, 0, 0)))`},
		{kernels.Window{Kernel: 1, Stride: 2, Pad: -1, Dilation: 1}, kernels.Shape{H: 8, W: 8}, kernels.Shape{H: 4, W: 4}, "", `self["conv"](images[:, :, 1:, 1:])`},
	} {
		p := &kernels.Program{
			Values: []kernels.Value{{Name: "images", Shape: c.from}, {Name: "conv", Shape: c.to}},
			Nodes:  []kernels.Node{{Name: "images", Shape: c.from, Terms: []kernels.Term{{Value: kernels.Images, BN: kernels.NoBN}}}},
		}
		d := &supernet.StateDict{Program: p, Modules: []supernet.Module{{Name: "conv"}}}
		w := torch{dict: d, program: p, value: make([]*expression, 2), nodes: make([]*expression, 1), used: map[string]bool{}, padding: map[string]string{}, loads: map[torchLoad]*expression{}}
		w.images = w.new(expression{name: "images"})
		w.value[kernels.Images] = w.images
		step := kernels.Step{Op: kernels.OpConv, Window: c.window, In: []kernels.NodeID{0}, Branches: []kernels.Branch{{Out: 1}}}
		w.convolution(&step, step.Branches[0])
		if got := w.value[1].code([]string{"images"}); got != c.want || w.padding["conv"] != c.padding {
			t.Errorf("%v of %v: %s with the padding %q, want %s and %q", c.window, c.from, got, w.padding["conv"], c.want, c.padding)
		}
	}
	if code := cropCode(kernels.Shape{H: 8, W: 9}, frame{-1, -2}, frame{0, -1}); code != "[:, :, 1:6, :8]" {
		t.Errorf("a part of the image is %s", code)
	}
}

func TestConstructions(t *testing.T) {
	w := writer{torch: &torch{
		program: &kernels.Program{BNs: []kernels.BN{{Gamma: 1, Eps: supernet.Eps}, {Gamma: 2, Eps: 1e-9}, {Gamma: 3, Eps: .001}}},
		padding: map[string]string{"padded": "(2, 3)"}, used: map[string]bool{"used": true},
	}}
	shaped := func(kind supernet.ModuleKind, name string, id kernels.ParamID, shape ...int) supernet.Module {
		return supernet.Module{Kind: kind, Name: name, Param: id, Weight: supernet.Array{Name: name + ".weight", Shape: shape}, Bias: supernet.Array{Name: name + ".bias"}}
	}
	withoutBias, plain, grouped := shaped(supernet.LinearModule, "linear", 9, 10, 7), shaped(supernet.ConvModule, "conv", 9, 4, 3, 5, 5), shaped(supernet.ConvModule, "padded", 9, 4, 3, 5, 5)
	withoutBias.Bias.Name = ""
	grouped.Conv = supernet.Conv{Window: kernels.Window{Stride: 2, Dilation: 2}, Groups: 2}
	for want, m := range map[string]supernet.Module{
		"nn.BatchNorm2d(8)":              shaped(supernet.BatchNormModule, "a", 1, 8),
		"nn.BatchNorm2d(8, eps=1e-09)":   shaped(supernet.BatchNormModule, "a", 2, 8),
		"nn.BatchNorm2d(8, eps=0.001)":   shaped(supernet.BatchNormModule, "a", 3, 8),
		"nn.Linear(7, 10)":               shaped(supernet.LinearModule, "linear", 9, 10, 7),
		"nn.Linear(7, 10, bias=False)":   withoutBias,
		"nn.Conv2d(3, 4, 5, bias=False)": plain,
		"nn.Conv2d(6, 4, 5, stride=2, dilation=2, groups=2, padding=(2, 3), bias=False)": grouped,
	} {
		if got := w.construction(&m); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for name, want := range map[string]string{"used": `"used": nn.Linear(7, 10),`, "unused": `"unused": nn.Linear(7, 10),  # no path to the logits`} {
		m := shaped(supernet.LinearModule, name, 9, 10, 7)
		if got := w.entry(name, &m); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestIdentifiers: a name of the network is one of Python, and none that the file uses.
func TestIdentifiers(t *testing.T) {
	for name, want := range map[string]string{
		"conv": "conv", "cells.0.node.1": "cells_0_node_1", "0": "_0", "": "out", "é": "_", "[:3]": "__3_", "lambda": "_lambda", "torch": "_torch", "F": "_F", "torches": "torches",
	} {
		if got := identifier(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	w := torch{cells: []string{"cells.1"}}
	for name, want := range map[string]string{"cells.1": "cells.1", "cells.1.op": "cells.1", "cells.10.op": "", "cells.10": "", "stem": ""} {
		if got := w.cellOf(name); got != want {
			t.Errorf("%s is of %q, want %q", name, got, want)
		}
	}
}

// TestSameClasses: cells have one class if their modules, what they read and what they do are the same.
func TestSameClasses(t *testing.T) {
	one := class{Name: "A", Modules: []string{"m"}, Inputs: []string{"x"}, Lines: []string{"l"}}
	for what, c := range map[string]struct {
		other class
		want  bool
	}{
		"name": {class{"B", nil, one.Modules, one.Inputs, one.Lines}, true}, "modules": {class{"A", nil, []string{"n"}, one.Inputs, one.Lines}, false},
		"inputs": {class{"A", nil, one.Modules, []string{"y"}, one.Lines}, false}, "lines": {class{"A", nil, one.Modules, one.Inputs, []string{"k"}}, false},
	} {
		if one.same(&c.other) != c.want {
			t.Errorf("classes with another %s: the same is %v", what, !c.want)
		}
	}
	if text := about(map[string]string{"arch": "a", "space": "s", "bn": "fair"}); text != "a of s, BatchNorm fair" {
		t.Error(text)
	}
}

func TestCodeOfNodes(t *testing.T) {
	p := &kernels.Program{Nodes: []kernels.Node{{Name: "a", Shape: kernels.Shape{C: 2}}, {Name: "b", Shape: kernels.Shape{C: 3}}}}
	w := torch{dict: &supernet.StateDict{}, program: p, nodes: []*expression{{name: "a"}, {name: "b"}}, loads: map[torchLoad]*expression{}}
	step := &kernels.Step{Op: kernels.OpConcat, In: []kernels.NodeID{0, 1}}
	for channels, want := range map[int]string{5: "torch.cat([a, b], 1)", 4: "torch.cat([a, b], 1)[:, :4]"} {
		if got := w.concatCode(step, channels)([]string{"a", "b"}); got != want {
			t.Errorf("%d channels: %s, want %s", channels, got, want)
		}
	}
	for act, want := range map[kernels.Activation]string{kernels.ReLU: "F.relu(a)", kernels.ReLU6: "F.relu6(a)"} {
		if got := w.load(0, act, "").code([]string{"a"}); got != want {
			t.Errorf("%v: %s, want %s", act, got, want)
		}
	}
	if w.load(1, kernels.Linear, "") != w.nodes[1] {
		t.Error("a node without an activation is not itself")
	}
}
