package export

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
	"bnas.example/kernels/ref"
	"bnas.example/onnx"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// sample is an architecture with its numbers, and the logits of some images by the reference device.
type sample struct {
	dict   *supernet.StateDict
	stats  supernet.Statistics
	images []float32
	n      int
	logits []float32
}

// withStatistics gives the BatchNorms of a program random statistics. BatchNorms of one value have the same.
func withStatistics(p *kernels.Program, seed uint64) supernet.Statistics {
	r := philox.New(seed, "export statistics", 0)
	s := supernet.NewStatistics(p)
	of := map[kernels.ValueID]int{}
	at := 0
	for _, b := range p.BNs {
		first, known := of[b.Value]
		for c := range p.Values[b.Value].C {
			if known {
				s.Mean[at+c], s.Variance[at+c] = s.Mean[first+c], s.Variance[first+c]
			} else {
				s.Mean[at+c], s.Variance[at+c] = float64(float32(r.Float64()-0.5)), float64(float32(0.3+r.Float64()))
			}
		}
		if !known {
			of[b.Value] = at
		}
		at += p.Values[b.Value].C
	}
	return s
}

// run computes the logits.
func (s *sample) run(t *testing.T, d kernels.Device, store kernels.Store) {
	t.Helper()
	p := s.dict.Program
	exec, err := d.Compile(p, store, s.n)
	if err == nil {
		err = exec.SetStatistics(s.stats.Mean, s.stats.Variance)
	}
	if err == nil {
		err = exec.Forward(s.images, 0)
	}
	s.logits = make([]float32, s.n*p.Classes())
	if err == nil {
		err = exec.Logits(s.logits)
	}
	if err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
}

// ofCase makes a sample of a Program of the suite for devices. Its modules have the names of its parameters.
func ofCase(t *testing.T, c *kerneltest.Case, seed uint64) sample {
	t.Helper()
	p := c.Program
	s := sample{dict: &supernet.StateDict{Program: p}, stats: withStatistics(p, seed), images: c.Images, n: c.N}
	array := func(name string, id kernels.ParamID, shape ...int) supernet.Array {
		return supernet.Array{Name: name, Shape: shape, Values: kernels.Gather(c.Params[id].View(shape...), c.Data[id])}
	}
	module := func(kind supernet.ModuleKind, name string, weight kernels.ParamID, shape ...int) *supernet.Module {
		s.dict.Modules = append(s.dict.Modules, supernet.Module{Name: name, Kind: kind, Param: weight, Weight: array(name+".weight", weight, shape...)})
		return &s.dict.Modules[len(s.dict.Modules)-1]
	}
	at := 0
	for i, b := range p.BNs {
		channels := p.Values[b.Value].C
		m := module(supernet.BatchNormModule, fmt.Sprintf("bn.%d", i), b.Gamma, channels)
		m.Bias = array(m.Name+".bias", b.Beta, channels)
		m.Mean, m.Variance = supernet.Array{Name: m.Name + ".running_mean"}, supernet.Array{Name: m.Name + ".running_var"}
		for _, into := range []struct {
			array *supernet.Array
			from  []float64
		}{{&m.Mean, s.stats.Mean}, {&m.Variance, s.stats.Variance}} {
			into.array.Shape = m.Weight.Shape
			for c := range channels {
				into.array.Values = append(into.array.Values, float32(into.from[at+c]))
			}
		}
		at += channels
	}
	for i := range p.Steps {
		step := &p.Steps[i]
		for k, b := range step.Branches {
			m := module(supernet.ConvModule, fmt.Sprintf("conv.%d.%d", i, k), b.Weight, p.WeightShape(step, b)...)
			m.Conv = supernet.Conv{Out: m.Weight.Shape[0], Window: step.Window, Groups: step.Groups}
		}
		if step.Op == kernels.OpLinear {
			in, out := p.Nodes[step.In[0]].C, p.Classes()
			m := module(supernet.LinearModule, "classifier", step.Weight, out, in)
			if step.Bias != kernels.NoParam {
				m.Bias = array("classifier.bias", step.Bias, out)
			}
		}
	}
	d := ref.New()
	defer d.Close()
	store, err := c.NewStore(d)
	if err != nil {
		t.Fatal(err)
	}
	s.run(t, d, store)
	return s
}

// ofArch makes a sample of an architecture with random γ, β and statistics, after changes of its Program.
func ofArch(t *testing.T, net *supernet.Net, a supernet.Arch, images int, changes ...func(*kernels.Program)) sample {
	t.Helper()
	d := ref.New()
	defer d.Close()
	store, err := d.NewStore(net.Params())
	if err == nil {
		err = net.Fill(store)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := philox.New(1, "export parameters", 0)
	for id, p := range net.Params() {
		if p.Kind != kernels.Gamma && p.Kind != kernels.Beta {
			continue
		}
		v := make([]float32, p.Len())
		for i := range v {
			v[i] = float32(r.Float64() - 0.3)
		}
		if err := store.Write(kernels.Data, v, kernels.ParamID(id)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := net.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	s := sample{stats: withStatistics(p, 1), n: images, images: make([]float32, images*p.Values[kernels.Images].Len())}
	philox.New(2, "export images", 0).Normal(s.images, 1)
	if s.dict, err = net.StateDict(store, a, s.stats); err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		change(s.dict.Program)
	}
	s.run(t, d, store)
	return s
}

// json returns the images and the logits, for Python.
func (s *sample) json(t *testing.T) []byte {
	t.Helper()
	shape := s.dict.Program.Values[kernels.Images].Shape
	text, err := json.Marshal(map[string]any{
		"shape": []int{s.n, shape.C, shape.H, shape.W}, "images": s.images[:s.n*shape.Len()], "logits": s.logits,
		"arch": s.dict.Program.Name,
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// model returns the decoded ONNX model of a sample.
func (s *sample) model(t *testing.T, fold bool) onnx.Model {
	t.Helper()
	encoded, err := ONNX(s.dict, map[string]string{"arch": s.dict.Program.Name}, fold)
	if err != nil {
		t.Fatal(err)
	}
	m, ir, opset, err := decodeModel(encoded)
	if err != nil || ir != onnx.IRVersion || opset != onnx.Opset || m.Metadata["arch"] != s.dict.Program.Name {
		t.Fatalf("%s: IR %d, operators %d, metadata %v, %v", s.dict.Program.Name, ir, opset, m.Metadata, err)
	}
	image := s.dict.Program.Values[kernels.Images].Shape
	in, out := fmt.Sprint([]any{"batch", image.C, image.H, image.W}), fmt.Sprint([]any{"batch", s.dict.Program.Classes()})
	if g := m.Graph; len(g.Inputs) != 1 || len(g.Outputs) != 1 || fmt.Sprint(g.Inputs[0].Shape) != in || fmt.Sprint(g.Outputs[0].Shape) != out {
		t.Fatalf("%s: from %v to %v, want %s and %s", s.dict.Program.Name, g.Inputs, g.Outputs, in, out)
	}
	return m
}

// checkONNX runs the sample's model and compares the logits.
func (s *sample) checkONNX(t *testing.T, fold bool) onnx.Model {
	t.Helper()
	m := s.model(t, fold)
	image := s.dict.Program.Values[kernels.Images].Shape
	in := zeros(s.n, image.C, image.H, image.W)
	for i, v := range s.images[:len(in.data)] {
		in.data[i] = float64(v)
	}
	got, err := interpret(&m.Graph, in)
	if err != nil {
		t.Fatalf("%s: %v", s.dict.Program.Name, err)
	}
	if want := []int{s.n, s.dict.Program.Classes()}; !slices.Equal(got.shape, want) {
		t.Fatalf("%s: logits have shape %v, want %v", s.dict.Program.Name, got.shape, want)
	}
	scale := 1e-3
	for _, v := range s.logits {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i, v := range got.data {
		if d := math.Abs(v-float64(s.logits[i])) / scale; !(d < 2e-5) {
			t.Fatalf("%s, fold %v: logit %d is %v, want %v", s.dict.Program.Name, fold, i, v, s.logits[i])
		}
	}
	checkNames(t, s, &m.Graph, fold)
	return m
}

// checkNames: each constant is read; the parameters on the path have the names and the shapes of the state dict.
func checkNames(t *testing.T, s *sample, g *onnx.Graph, fold bool) {
	t.Helper()
	read := map[string]bool{}
	for _, n := range g.Nodes {
		for _, name := range n.Inputs {
			read[name] = true
		}
	}
	shapes := map[string][]int{}
	for _, i := range g.Initializers {
		if !read[i.Name] {
			t.Errorf("%s: nothing reads %s", s.dict.Program.Name, i.Name)
		}
		shapes[i.Name] = i.Shape
	}
	if fold {
		return
	}
	p := s.dict.Program
	var weights []kernels.ParamID
	for n := range loadedNodes(p) {
		for _, term := range p.Nodes[n].Terms {
			if term.BN != kernels.NoBN {
				weights = append(weights, p.BNs[term.BN].Gamma)
			}
		}
	}
	for _, step := range p.Steps {
		for _, b := range step.Branches {
			weights = append(weights, b.Weight)
		}
	}
	for _, id := range append(weights, p.Steps[len(p.Steps)-1].Weight) {
		m := s.dict.Of(id)
		for _, a := range []supernet.Array{m.Weight, m.Bias, m.Mean, m.Variance} {
			if a.Name != "" && !slices.Equal(shapes[a.Name], a.Shape) {
				t.Errorf("%s: %s has shape %v, want %v", p.Name, a.Name, shapes[a.Name], a.Shape)
			}
		}
	}
}

// TestONNXOfRandomPrograms: the graph of any Program computes its logits, folded or not.
func TestONNXOfRandomPrograms(t *testing.T) {
	folded := 0
	for seed := range uint64(100) {
		c := kerneltest.Random(seed)
		s := ofCase(t, c, seed)
		s.checkONNX(t, false)
		folded += len(s.dict.Program.BNs) - count(s.checkONNX(t, true), "BatchNormalization")
	}
	if folded < 20 {
		t.Errorf("%d BatchNorms folded", folded)
	}
}

// TestONNXOfTakenNames: names of values and nodes that weights, constants or the ends of the graph have too are changed.
func TestONNXOfTakenNames(t *testing.T) {
	for seed := range uint64(20) {
		c := kerneltest.Random(seed)
		s := ofCase(t, c, seed)
		taken := []string{"six", "zero", "images", "logits", "least", "batch", "zero.2"}
		for _, m := range s.dict.Modules {
			taken = append(taken, m.Weight.Name, m.Mean.Name, m.Bias.Name)
		}
		taken = slices.DeleteFunc(taken, func(name string) bool { return name == "" })
		p := s.dict.Program
		for i := range p.Values {
			p.Values[i].Name = taken[i%len(taken)]
		}
		for i := range p.Nodes {
			p.Nodes[i].Name = taken[(len(taken) - 1 - i%len(taken))]
		}
		s.checkONNX(t, false)
		numbers := map[string]int{}
		for _, i := range s.checkONNX(t, true).Graph.Initializers {
			if len(i.Shape) == 0 {
				if numbers[fmt.Sprint(i.Floats)]++; numbers[fmt.Sprint(i.Floats)] > 1 {
					t.Errorf("seed %d: the number %v is there twice", seed, i.Floats)
				}
			}
		}
	}
}

// dilatedPools returns networks with a pool of each kind whose margins are narrower than the kernel, or as wide.
func dilatedPools(t *testing.T) (list []sample) {
	t.Helper()
	d, err := supernet.New(supernet.Config{Space: "nas-bench-201", Cells: 1, Channels: 2, Height: 8, Width: 4})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range []kernels.Op{kernels.OpAvgPool, kernels.OpMaxPool} {
		for _, dilation := range []int{2, 3} {
			pools := 0
			list = append(list, ofArch(t, d, supernet.Arch{4, 4, 4, 4, 4, 4}, 2, func(p *kernels.Program) {
				for i := range p.Steps {
					if step := &p.Steps[i]; step.Op == kernels.OpAvgPool && step.Stride == 1 {
						step.Op, step.Dilation, step.Pad = op, dilation, dilation
						pools++
					}
				}
			}))
			if pools == 0 {
				t.Fatal("no pool")
			}
		}
	}
	return list
}

// TestONNXOfDilatedPools: a dilated average is of the pixels inside the image, as one without dilation.
func TestONNXOfDilatedPools(t *testing.T) {
	for _, s := range dilatedPools(t) {
		s.checkONNX(t, false)
	}
}

func count(m onnx.Model, op string) (n int) {
	for _, node := range m.Graph.Nodes {
		if node.Op == op {
			n++
		}
	}
	return n
}

// small returns the configuration of a space with small networks.
func small(s supernet.Space, bn supernet.Placement) supernet.Config {
	c := supernet.Config{Space: s.Name(), BN: bn, Height: 8, Width: 8, Channels: 4, Classes: 3}
	if s.Defaults().Cells > 0 {
		c.Cells = 1
	}
	if s.Defaults().Height > 100 {
		c.Height, c.Width = 32, 32
	}
	return c
}

// ownSpace is the file of a user's own space, with identities that are convolutions.
const ownSpace = `
name: own
images: {height: 16, width: 16}
classes: 3
activation: relu
stem: {out: 4, kernel: 5, stride: 2}
operators: [identity, mb1_k3, mb3_k7]
stages:
  - {out: 4, layers: 2, stride: 1}
  - {out: 6, layers: 2, stride: 2}
downsample: true
head: 8
`

// ofSpaces calls f for architectures of every space and of a user's own, in both placements.
func ofSpaces(t *testing.T, f func(t *testing.T, net *supernet.Net, a supernet.Arch)) {
	path := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(path, []byte(ownSpace), 0o666); err != nil {
		t.Fatal(err)
	}
	var own supernet.Config
	var err error
	if own.Space, own.Chain, err = supernet.ReadSpace(path); err != nil {
		t.Fatal(err)
	}
	for _, bn := range []supernet.Placement{supernet.Standard, supernet.Fair} {
		configs := []supernet.Config{{Space: own.Space, Chain: own.Chain, BN: bn}}
		for _, s := range supernet.Spaces() {
			configs = append(configs, small(s, bn))
		}
		for _, c := range configs {
			t.Run(c.Space+"/"+string(bn), func(t *testing.T) {
				net, err := supernet.New(c)
				if err != nil {
					t.Fatal(err)
				}
				space := net.Space
				cover := space.Cover()
				f(t, net, cover[0])
				f(t, net, cover[len(cover)-1])
				r := philox.New(3, "export architectures", 0)
				for range 3 {
					f(t, net, supernet.Random(space, r))
				}
				c.ImageChannels = 1
				grey, err := supernet.New(c)
				if err != nil {
					t.Fatal(err)
				}
				f(t, grey, supernet.Random(space, r))
			})
		}
	}
}

// TestONNXOfSpaces: the graphs of every space compute the logits. With fold no BatchNorm is left behind a convolution that
// nothing else reads.
func TestONNXOfSpaces(t *testing.T) {
	ofSpaces(t, func(t *testing.T, net *supernet.Net, a supernet.Arch) {
		s := ofArch(t, net, a, 2)
		s.checkONNX(t, false)
		m := s.checkONNX(t, true)
		readers, convs := map[string]int{}, map[string]bool{}
		for _, n := range m.Graph.Nodes {
			for _, name := range n.Inputs {
				readers[name]++
			}
			convs[n.Outputs[0]] = n.Op == "Conv" && len(n.Inputs) == 2 // without a bias: not folded yet
		}
		for _, n := range m.Graph.Nodes {
			if n.Op == "BatchNormalization" && convs[n.Inputs[0]] && readers[n.Inputs[0]] == 1 {
				t.Errorf("%s: %s is not folded", s.dict.Program.Name, n.Name)
			}
		}
	})
}

// TestONNXErrors: what the format lacks is an error.
func TestONNXErrors(t *testing.T) {
	if _, err := onnx.Encode(onnx.Model{Graph: onnx.Graph{Nodes: []onnx.Node{{Name: "n", Attributes: []onnx.Attribute{{Name: "a", Value: "text"}}}}}}); err == nil {
		t.Error("an attribute of another type was written")
	}
	if _, err := onnx.Encode(onnx.Model{Graph: onnx.Graph{Inputs: []onnx.Value{{Name: "x", Shape: []any{1.5}}}}}); err == nil {
		t.Error("a dimension of another type was written")
	}
}

// TestONNXRuntime: the official checker accepts the models, and onnxruntime computes their logits for several images and for one.
func TestONNXRuntime(t *testing.T) {
	if exec.Command("python3", "-c", "import onnx, onnxruntime, numpy").Run() != nil {
		t.Skip("python3 has no onnx, onnxruntime and numpy; scripts/with-python.sh onnx-requirements.txt runs a command with them")
	}
	folder := t.TempDir()
	models := 0
	write := func(t *testing.T, s sample) {
		t.Helper()
		for _, fold := range []bool{false, true} {
			model, err := ONNX(s.dict, metadata(s), fold)
			if err != nil {
				t.Fatal(err)
			}
			for ending, content := range map[string][]byte{".onnx": model, ".json": s.json(t)} {
				if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("net%d", models)+ending), content, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			models++
		}
	}
	ofSpaces(t, func(t *testing.T, net *supernet.Net, a supernet.Arch) { write(t, ofArch(t, net, a, 2)) })
	for seed := range uint64(100) {
		write(t, ofCase(t, kerneltest.Random(seed), seed))
	}
	for _, s := range dilatedPools(t) {
		write(t, s)
	}
	python(t, folder, fmt.Sprintf(`
import json, numpy as np, onnx, onnxruntime
for i in range(%d):
    case = json.load(open(f"net{i}.json", encoding="utf-8"))
    model = onnx.load(f"net{i}.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert {p.key: p.value for p in model.metadata_props}["arch"] == case["arch"]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(f"net{i}.onnx", options, providers=["CPUExecutionProvider"])
    images = np.array(case["images"], np.float32).reshape(case["shape"])
    want = np.array(case["logits"], np.float32).reshape(len(images), -1)
    for n in (len(images), 1):
        logits, = session.run(None, {"images": images[:n]})
        deviation = np.abs(logits - want[:n]).max() / max(np.abs(want).max(), 1e-3)
        assert logits.shape == want[:n].shape and deviation < 1e-4, (i, case["arch"], logits.shape, deviation)
`, models))
}
