package supernet

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/philox"
	"bnas.example/safetensors"

	"github.com/google/go-cmp/cmp"
)

// exported is a small untrained network's file.
func exported(t *testing.T, c Config, arch string, stats func(p *kernels.Program) Statistics) *safetensors.File {
	t.Helper()
	n, a, device, store := initialised(t, c, arch)
	p, err := n.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	var w bytes.Buffer
	if err := Export(&w, n, store, a, stats(p)); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Decode(w.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestExportNames(t *testing.T) {
	norm := func(name string) []string {
		return []string{name + ".bias", name + ".num_batches_tracked", name + ".running_mean", name + ".running_var", name + ".weight"}
	}
	classifier := []string{"classifier.bias", "classifier.weight"}
	for _, c := range []struct {
		config Config
		arch   string
		want   [][]string
	}{
		{Config{Space: "nas-bench-201", BN: Standard, Cells: 1, Channels: 2}, "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|avg_pool_3x3~1|none~2|", [][]string{
			{"stem.0.weight"}, norm("stem.1"),
			{"cells.0.layers.0.op.1.weight"}, norm("cells.0.layers.0.op.2"), {"cells.0.layers.2.op.1.weight"}, norm("cells.0.layers.2.op.2"),
			{"cells.1.conv_a.op.1.weight"}, norm("cells.1.conv_a.op.2"), {"cells.1.downsample.1.weight"}, {"cells.1.conv_b.op.1.weight"}, norm("cells.1.conv_b.op.2"),
			{"cells.2.layers.0.op.1.weight"}, norm("cells.2.layers.0.op.2"), {"cells.2.layers.2.op.1.weight"}, norm("cells.2.layers.2.op.2"),
			{"cells.3.conv_a.op.1.weight"}, norm("cells.3.conv_a.op.2"), {"cells.3.downsample.1.weight"}, {"cells.3.conv_b.op.1.weight"}, norm("cells.3.conv_b.op.2"),
			{"cells.4.layers.0.op.1.weight"}, norm("cells.4.layers.0.op.2"), {"cells.4.layers.2.op.1.weight"}, norm("cells.4.layers.2.op.2"),
			norm("lastact.0"), classifier,
		}},
		{Config{Space: "nas-bench-macro", BN: Fair, Channels: 2}, "01020000", [][]string{
			{"stem.0.weight"}, norm("stem.1"),
			{"features.0.downsample.0.weight"}, norm("features.0.downsample.1"),
			{"features.1.conv.0.weight"}, norm("features.1.conv.1"), {"features.1.conv.3.weight"}, norm("features.1.conv.4"), {"features.1.conv.6.weight"}, norm("features.1.conv.7"),
			{"features.2.downsample.0.weight"}, norm("features.2.downsample.1"),
			{"features.3.conv.0.weight"}, norm("features.3.conv.1"), {"features.3.conv.3.weight"}, norm("features.3.conv.4"), {"features.3.conv.6.weight"}, norm("features.3.conv.7"),
			norm("features.4.bn"), {"features.5.downsample.0.weight"}, norm("features.5.downsample.1"), norm("features.6.bn"), norm("features.7.bn"),
			{"out.0.weight"}, norm("out.1"), classifier,
		}},
	} {
		f := exported(t, c.config, c.arch, NewStatistics)
		var names []string
		for _, x := range f.Tensors {
			names = append(names, x.Name)
		}
		slices.Sort(names)
		want := slices.Concat(c.want...)
		slices.Sort(want)
		if d := cmp.Diff(want, names); d != "" {
			t.Errorf("%s: %s", c.arch, d)
		}
		if f.Metadata["arch"] != c.arch || f.Metadata["bn"] != string(c.config.BN) {
			t.Errorf("metadata %v", f.Metadata)
		}
	}
}

// TestExportStatistics: each BatchNorm gets its own statistics, one that reaches nothing 0 and 1.
func TestExportStatistics(t *testing.T) {
	numbered := func(p *kernels.Program) Statistics {
		s := NewStatistics(p)
		for i := range s.Mean {
			s.Mean[i], s.Variance[i] = float64(i), float64(1000+i)
		}
		return s
	}
	// Edge 2<-1 has a convolution that node 3 never sees.
	f := exported(t, Config{Space: "nas-bench-201", BN: Standard, Cells: 1, Channels: 2},
		"|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|nor_conv_3x3~1|none~2|", numbered)
	for name, want := range map[string][2]float32{
		"stem.1": {0, 1000}, "cells.0.layers.0.op.2": {2, 1002}, "cells.0.layers.2.op.2": {0, 1}, "cells.0.layers.4.op.2": {4, 1004},
	} {
		mean, _ := f.Tensor(name + ".running_mean")
		variance, _ := f.Tensor(name + ".running_var")
		m, err := mean.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		v, err := variance.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		if m[0] != want[0] || v[0] != want[1] {
			t.Errorf("%s: μ = %v, σ² = %v, want %v", name, m, v, want)
		}
	}
	n, a, device, store := initialised(t, Config{Space: "nas-bench-201", BN: Fair, Cells: 1, Channels: 2},
		"|skip_connect~0|+|skip_connect~0|none~1|+|none~0|none~1|nor_conv_3x3~2|")
	defer device.Close()
	p, err := n.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := Export(&bytes.Buffer{}, n, store, a, NewStatistics(p)); err != nil {
		t.Error(err)
	}
	shared := n.Space.At(0) // |avg_pool~0|+|nor_conv_1x1~0|skip~1|+|nor_conv_1x1~0|skip~1|skip~2|: node 1 is normalised twice
	q, err := n.Program(shared)
	if err != nil {
		t.Fatal(err)
	}
	if err := Export(&bytes.Buffer{}, n, store, shared, numbered(q)); err == nil || !strings.Contains(err.Error(), "same value") {
		t.Errorf("BatchNorms of one value with two means: %v", err)
	}
	if err := Export(&bytes.Buffer{}, n, store, a, Statistics{}); err == nil {
		t.Error("exported without statistics")
	}
}

// traced runs a Trace on the reference device with random γ and β.
func traced(t *testing.T, c Config, arch string, mode StatisticsMode) map[string]safetensors.Tensor {
	t.Helper()
	n, a, device, store := initialised(t, c, arch)
	defer device.Close()
	r := philox.New(1, "affine", 0)
	for id, p := range n.Params() {
		if v := make([]float32, p.Len()); p.Kind == kernels.Gamma || p.Kind == kernels.Beta {
			r.Normal(v, 1)
			if err := store.Write(kernels.ParamID(id), kernels.Data, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	p, err := n.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	images := make([]float32, 4*p.Values[kernels.Images].Len())
	philox.New(1, "images", 0).Normal(images, 1)
	var w bytes.Buffer
	if err := Trace(&w, n, device, store, Traced{Arch: a, Images: images, Labels: []int{3, 0, 9, 3}, Mode: mode, Stats: NewStatistics(p), Active: true}); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Decode(w.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]safetensors.Tensor{}
	for _, x := range f.Tensors {
		all[x.Name] = x
	}
	return all
}

// TestTrace: the file is complete, and with frozen statistics the images' shares add up to the gradient.
func TestTrace(t *testing.T) {
	for _, c := range []struct {
		config Config
		arch   string
	}{
		{Config{Space: "nas-bench-201", BN: Fair, Cells: 1, Channels: 2, Height: 8, Width: 8}, mixedCell},
		{Config{Space: "nas-bench-macro", BN: Fair, Channels: 2, Height: 8, Width: 8}, "01020012"},
	} {
		for _, mode := range []StatisticsMode{BatchStatistics, FrozenStatistics} {
			all := traced(t, c.config, c.arch, mode)
			if d := cmp.Diff([]int{4, 10}, all["logits"].Shape); d != "" {
				t.Errorf("logits: %s", d)
			}
			for _, name := range []string{"loss", "mean.stem.1", "var.stem.1", "grad.classifier.weight", "grad.classifier.bias"} {
				if _, ok := all[name]; !ok {
					t.Errorf("%s %s: no %s", c.arch, mode, name)
				}
			}
			norms, rectifiers, active := 0, 0, [2]int{}
			for name, x := range all {
				if strings.HasPrefix(name, "active.") {
					rectifiers++
					countActive(t, x, &active)
				}
				if norm, ok := strings.CutPrefix(name, "mean."); ok {
					norms++
					for _, p := range []string{".weight", ".bias"} {
						checkShares(t, all["grad."+norm+p], all["sample_grad."+norm+p], x.Shape[0], mode)
					}
				}
			}
			// Logits and loss, a BatchNorm's six, the classifier's two, a rectifier's one.
			if want := 2 + 6*norms + 2 + rectifiers; len(all) != want || norms < 10 || active[0] < 100 || active[1] < 100 {
				t.Errorf("%s %s: %d tensors of %d BatchNorms and %d rectifiers, off and on %v", c.arch, mode, len(all), norms, rectifiers, active)
			}
		}
	}
}

// countActive adds up how many rectifiers were off and on.
func countActive(t *testing.T, x safetensors.Tensor, count *[2]int) {
	t.Helper()
	if x.DType != safetensors.U8 || len(x.Shape) != 4 || x.Shape[0] != 4 {
		t.Errorf("%s: %s %v", x.Name, x.DType, x.Shape)
	}
	for _, v := range x.Data {
		if v > 1 {
			t.Fatalf("%s: holds %d", x.Name, v)
		}
		count[v]++
	}
}

// checkShares checks the shapes and, where statistics were held, that the images' shares add up to the gradient.
func checkShares(t *testing.T, gradient, shares safetensors.Tensor, channels int, mode StatisticsMode) {
	t.Helper()
	g, err := gradient.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	s, err := shares.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	if len(g) != channels || len(s) != 4*channels {
		t.Fatalf("%s: %v, %v", gradient.Name, gradient.Shape, shares.Shape)
	}
	if mode == BatchStatistics {
		return
	}
	for c := range g {
		var sum, size float64
		for n := range 4 {
			sum += float64(s[n*channels+c])
			size += math.Abs(float64(s[n*channels+c]))
		}
		if math.Abs(sum-float64(g[c])) > 1e-5*size {
			t.Errorf("%s: channel %d: shares add up to %g, gradient %g", gradient.Name, c, sum, g[c])
		}
	}
}

func TestTraceErrors(t *testing.T) {
	n, a, device, store := initialised(t, Config{Space: "nas-bench-macro", Channels: 2, Height: 8, Width: 8}, "00000000")
	defer device.Close()
	images := make([]float32, 3*64)
	for want, c := range map[string]Traced{
		"labels and":                 {Arch: a, Images: images, Labels: []int{1, 2}, Mode: BatchStatistics},
		"0 labels":                   {Arch: a, Mode: BatchStatistics},
		"label 10":                   {Arch: a, Images: images, Labels: []int{10}, Mode: BatchStatistics},
		`unknown statistics "mixed"`: {Arch: a, Images: images, Labels: []int{1}, Mode: "mixed"},
		"0 means":                    {Arch: a, Images: images, Labels: []int{1}, Mode: FrozenStatistics},
		"0 genes, want 8":            {Arch: Arch{}, Images: images, Labels: []int{1}, Mode: BatchStatistics},
	} {
		var w bytes.Buffer
		err := Trace(&w, n, device, store, c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
		if w.Len() > 0 {
			t.Errorf("%q: %d bytes written before the error", want, w.Len())
		}
	}
}

// initialised is a supernet with its initial parameters on the reference device, and an architecture.
func initialised(t *testing.T, c Config, arch string) (*Net, Arch, kernels.Device, kernels.Store) {
	t.Helper()
	n, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	a, err := n.Space.Parse(arch)
	if err != nil {
		t.Fatal(err)
	}
	device := ref.New()
	store, err := device.NewStore(n.Params())
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Fill(store); err != nil {
		t.Fatal(err)
	}
	return n, a, device, store
}
