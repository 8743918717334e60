package supernet

import (
	"slices"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"

	"github.com/google/go-cmp/cmp"
)

// exported returns the state dict of a small untrained network.
func exported(t *testing.T, c Config, arch string, stats func(p *kernels.Program) Statistics) *StateDict {
	t.Helper()
	n, a, device, store := initialised(t, c, arch)
	p, err := n.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	d, err := n.StateDict(store, a, stats(p))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestStateDictNames(t *testing.T) {
	norm := func(name string) []string {
		return []string{name + ".weight", name + ".bias", name + ".running_mean", name + ".running_var"}
	}
	classifier := []string{"classifier.weight", "classifier.bias"}
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
		var names []string
		for _, m := range exported(t, c.config, c.arch, NewStatistics).Modules {
			for _, x := range []Array{m.Weight, m.Bias, m.Mean, m.Variance} {
				if x.Name != "" {
					names = append(names, x.Name)
				}
			}
		}
		if d := cmp.Diff(slices.Sorted(slices.Values(slices.Concat(c.want...))), slices.Sorted(slices.Values(names))); d != "" {
			t.Errorf("%s: %s", c.arch, d)
		}
	}
}

// TestStateDictStatistics: each BatchNorm gets its own statistics. One without a path to the logits gets 0 and 1.
func TestStateDictStatistics(t *testing.T) {
	numbered := func(p *kernels.Program) Statistics {
		s := NewStatistics(p)
		for i := range s.Mean {
			s.Mean[i], s.Variance[i] = float64(i), float64(1000+i)
		}
		return s
	}
	// Edge 2<-1 has a convolution that node 3 never sees.
	d := exported(t, Config{Space: "nas-bench-201", BN: Standard, Cells: 1, Channels: 2},
		"|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|nor_conv_3x3~1|none~2|", numbered)
	for name, want := range map[string][2]float32{
		"stem.1": {0, 1000}, "cells.0.layers.0.op.2": {2, 1002}, "cells.0.layers.2.op.2": {0, 1}, "cells.0.layers.4.op.2": {4, 1004},
	} {
		i := slices.IndexFunc(d.Modules, func(m Module) bool { return m.Name == name })
		if m, v := d.Modules[i].Mean.Values, d.Modules[i].Variance.Values; m[0] != want[0] || v[0] != want[1] {
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
	if _, err := n.StateDict(store, a, NewStatistics(p)); err != nil {
		t.Error(err)
	}
	shared := n.Space.(Ordered).At(0) // |avg_pool~0|+|nor_conv_1x1~0|skip~1|+|nor_conv_1x1~0|skip~1|skip~2|: node 1 is normalised twice
	q, err := n.Program(shared)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.StateDict(store, shared, numbered(q)); err == nil || !strings.Contains(err.Error(), "same value") {
		t.Errorf("BatchNorms of one value with two means: %v", err)
	}
	equal := numbered(q)
	for i := range equal.Mean {
		equal.Mean[i] = 7
	}
	if err := equal.Check(q); err == nil || !strings.Contains(err.Error(), "same value") {
		t.Errorf("BatchNorms of one value with two variances: %v", err)
	}
	short := NewStatistics(q)
	short.Variance = short.Variance[1:]
	if err := short.Check(q); err == nil {
		t.Error("a variance is missing")
	}
	if _, err := n.StateDict(store, a, Statistics{}); err == nil {
		t.Error("exported without statistics")
	}
}

// initialised returns a supernet with its initial parameters on the reference device, and an architecture.
func initialised(t *testing.T, c Config, arch string) (*Net, Arch, kernels.Device, kernels.Store) {
	t.Helper()
	n := build(t, c)
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
