package supernet

import (
	"math"
	"slices"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/philox"
)

// arraysOf returns all arrays of a state dict.
func arraysOf(d *StateDict) []Array {
	var all []Array
	for _, m := range d.Modules {
		for _, a := range []Array{m.Weight, m.Bias, m.Mean, m.Variance} {
			if a.Name != "" {
				all = append(all, a)
			}
		}
	}
	return all
}

// TestWeightsOfSpaces: the state dict of one supernet, written to another one of another seed, is its state dict there. What the
// architecture does not use keeps its values. The metadata give the configuration.
func TestWeightsOfSpaces(t *testing.T) {
	for _, space := range Spaces() {
		for _, bn := range []Placement{Standard, Fair} {
			c := Config{Space: space.Name(), BN: bn, Channels: 4, Height: 32, Width: 32, Seed: 1}
			if space.Defaults().Cells > 0 {
				c.Cells = 1
			}
			a := Random(space, philox.New(1, "weights", 0))
			from, _, device, store := initialised(t, c, space.Format(a))
			defer device.Close()
			p, err := from.Program(a)
			if err != nil {
				t.Fatal(err)
			}
			d, err := from.StateDict(store, a, NewStatistics(p))
			if err != nil {
				t.Fatal(err)
			}
			known, text, err := ParseMetadata(from.Metadata(a))
			if err != nil || known != from.Config || text != space.Format(a) {
				t.Fatalf("%s: metadata give %+v, %q, %v", space.Name(), known, text, err)
			}
			c.Seed = 2
			into, _, other, target := initialised(t, c, space.Format(a))
			defer other.Close()
			w, err := into.Weights(a, arraysOf(d))
			if err != nil {
				t.Fatal(err)
			}
			before, err := kernels.ReadEach(target, kernels.Data, every(into)...)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Write(target); err != nil {
				t.Fatal(err)
			}
			got, err := into.StateDict(target, a, NewStatistics(p))
			if err != nil {
				t.Fatal(err)
			}
			used := map[string]bool{}
			names, err := into.ExportNames(a)
			if err != nil {
				t.Fatal(err)
			}
			for id := range names {
				used[into.Params()[id].Name] = true
			}
			for i, x := range arraysOf(got) {
				if want := arraysOf(d)[i]; x.Name != want.Name || !slices.Equal(x.Values, want.Values) {
					t.Errorf("%s, %s: %s is not what was written", space.Name(), bn, x.Name)
				}
			}
			after, err := kernels.ReadEach(target, kernels.Data, every(into)...)
			if err != nil {
				t.Fatal(err)
			}
			for id, q := range into.Params() {
				if !used[q.Name] && !slices.Equal(before[id], after[id]) {
					t.Errorf("%s, %s: %s of another path has changed", space.Name(), bn, q.Name)
				}
			}
		}
	}
}

// every lists all parameters.
func every(n *Net) (ids []kernels.ParamID) {
	for id := range n.Params() {
		ids = append(ids, kernels.ParamID(id))
	}
	return ids
}

// TestPut: a part of a parameter is written, and the rest stays.
func TestPut(t *testing.T) {
	p := kernels.Param{Shape: []int{3, 4}}
	whole := make([]float32, 12)
	put(p.View(2, 3), whole, []float32{1, 2, 3, 4, 5, 6})
	if want := []float32{1, 2, 3, 0, 4, 5, 6, 0, 0, 0, 0, 0}; !slices.Equal(whole, want) {
		t.Errorf("%v, want %v", whole, want)
	}
}

func TestWrongWeights(t *testing.T) {
	const arch = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|avg_pool_3x3~1|none~2|"
	n, a, device, store := initialised(t, Config{Space: "nas-bench-201", BN: Standard, Cells: 1, Channels: 2}, arch)
	defer device.Close()
	p, err := n.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(all []Array) []Array
		want   string
	}{
		{"nothing", func(all []Array) []Array { return nil }, "missing stem.0.weight and "},
		{"one missing", func(all []Array) []Array { return all[1:] }, "missing stem.0.weight"},
		{"one too many", func(all []Array) []Array { return append(all, Array{Name: "x"}) }, "not of the network x"},
		{"another network", func(all []Array) []Array {
			all[0].Name = "y"
			return append(all, Array{Name: "x"})
		}, "missing stem.0.weight, not of the network y and 1 more"},
		{"another shape", func(all []Array) []Array { all[0].Shape = []int{2, 27}; return all }, "stem.0.weight has the shape [2 27], the network needs [2 3 3 3]"},
		{"too few values", func(all []Array) []Array { all[0].Values = all[0].Values[1:]; return all }, "stem.0.weight has 53 values"},
		{"NaN", func(all []Array) []Array { all[0].Values[3] = float32(math.NaN()); return all }, "element 3 of stem.0.weight is NaN"},
		{"infinity", func(all []Array) []Array { all[0].Values[0] = float32(math.Inf(-1)); return all }, "element 0 of stem.0.weight is -Inf"},
		{"statistics are not needed", func(all []Array) []Array {
			return slices.DeleteFunc(all, func(x Array) bool { return strings.Contains(x.Name, "running") })
		}, ""},
	} {
		d, err := n.StateDict(store, a, NewStatistics(p))
		if err != nil {
			t.Fatal(err)
		}
		_, err = n.Weights(a, c.change(arraysOf(d)))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := n.Weights(Arch{9}, nil); err == nil {
		t.Error("weights of no architecture")
	}
	other, err := ref.New().NewStore(n.Params()[:1])
	if err != nil {
		t.Fatal(err)
	}
	d, err := n.StateDict(store, a, NewStatistics(p))
	if err != nil {
		t.Fatal(err)
	}
	w, err := n.Weights(a, arraysOf(d))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(other); err == nil {
		t.Error("written to the store of another network")
	}
}

// TestMetadata: what Metadata writes is read again, each number into its own setting.
func TestMetadata(t *testing.T) {
	for _, c := range []Config{
		{Space: "nas-bench-201", BN: Standard, Gamma: GammaSmall, Seed: math.MaxUint64, Classes: 7, Channels: 4, Cells: 3, Height: 8, Width: 16, ImageChannels: 1},
		{Space: "darts", BN: Fair, Gamma: GammaUniform, Classes: 9, Channels: 6, Cells: 1, Height: 64, Width: 32, Stem: "imagenet"},
	} {
		n := build(t, c)
		a := spread(n.Space, 1)[0]
		back, arch, err := ParseMetadata(n.Metadata(a))
		if err != nil || back != c || arch != n.Space.Format(a) {
			t.Errorf("%+v of %s, %v, want %+v", back, arch, err, c)
		}
	}
}

func TestWrongMetadata(t *testing.T) {
	for key, c := range map[string]struct{ value, want string }{
		"classes": {"ten", `metadata: classes is "ten", not a whole number`},
		"seed":    {"-1", `metadata: seed is "-1"`},
		"chain":   {"{", "metadata: chain: "},
	} {
		if _, _, err := ParseMetadata(map[string]string{key: c.value}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", key, err, c.want)
		}
	}
}

// FuzzMetadata: no metadata end the program, up to the parse of the architecture.
func FuzzMetadata(f *testing.F) {
	f.Add("nas-bench-201", "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", "fair", "10", "16", "7", "", "")
	f.Add("six-layers", "1 0 2 0 1 0", "standard", "10", "8", "", "", `{"name":"six-layers","images":{"height":32,"width":32},"fixed":{"0":"mb3_k3"}}`)
	f.Add("darts", "normal", "x", "-1", "1e9", "99999999999999999999", "cifar", "{}")
	f.Fuzz(func(t *testing.T, space, arch, bn, classes, channels, seed, stem, chain string) {
		m := map[string]string{"space": space, "arch": arch, "bn": bn, "classes": classes, "channels": channels, "seed": seed, "stem": stem}
		if chain != "" {
			m["chain"] = chain
		}
		c, text, err := ParseMetadata(m)
		if err != nil {
			return
		}
		if c, err = c.WithDefaults(); err != nil || c.Validate() != nil {
			return
		}
		s, err := c.Lookup()
		if err != nil {
			t.Fatal(err)
		}
		if a, err := s.Parse(text); err == nil && Validate(s, a) != nil {
			t.Errorf("%s: %q is parsed and not valid", s.Name(), text)
		}
	})
}
