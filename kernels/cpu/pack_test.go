//go:build cgo

package cpu

import (
	"errors"
	"slices"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// TestPackLimit: a store without room for its packs makes each again when it is used. It holds one at a time, and the results
// stay the same. So they do where a slab is of Go's memory.
func TestPackLimit(t *testing.T) {
	c := kerneltest.Cell(1, kernels.Shape{C: 16, H: 8, W: 8}, 4)
	run := func(limit int, slabs ...*slab) (logits []float32, held, largest int) {
		d, err := newDevice(2, Strict)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		inner := newStore(c.Params)
		inner.packs.limit, inner.packs.slabs = limit, slabs
		for _, s := range slabs {
			inner.packs.floats += len(s.room)
		}
		for id, data := range c.Data {
			if err := inner.Write(kernels.Data, data, kernels.ParamID(id)); err != nil {
				t.Fatal(err)
			}
		}
		e, err := d.Compile(c.Program, inner, c.Batch)
		if err != nil {
			t.Fatal(err)
		}
		logits = make([]float32, c.N*c.Program.Classes())
		for range 2 {
			if err := e.Forward(c.Images, c.N); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Logits(logits); err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, s := range inner.packs.slabs {
			sum += len(s.room)
			largest = max(largest, len(s.room))
		}
		if sum != inner.packs.floats {
			t.Errorf("limit %d: %d floats counted, %d held", limit, inner.packs.floats, sum)
		}
		for key, p := range inner.packs.all {
			if w := p.weights.Load(); w != nil && (!slices.Contains(inner.packs.slabs, w.slab) || !slices.Contains(w.slab.packs, p)) {
				t.Errorf("limit %d: pack %x is in no slab", limit, key)
			}
		}
		return logits, sum, largest
	}
	want, all, largest := run(packLimit)
	got, held, one := run(1)
	if !slices.Equal(got, want) {
		t.Error("the logits depend on the limit")
	}
	if held != one || held >= all {
		t.Errorf("%d floats held without room, %d in the one pack, %d with room", held, one, all)
	}
	if _, held, _ = run(all - 1); held > all-1 || held < all-largest {
		t.Errorf("%d floats held with room for %d of %d", held, all-1, all)
	}
	if got, held, _ := run(packLimit, slabOfGo(all)); !slices.Equal(got, want) || held != all {
		t.Errorf("%d floats held in a slab of Go's memory, want %d; the same logits: %v", held, all, slices.Equal(got, want))
	}
}

// TestShare: stores of two networks with the same weights pack them once. A change of a weight is seen in its own store alone.
func TestShare(t *testing.T) {
	d, err := newDevice(1, Strict)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	fair, fairProgram := smallNet(t, supernet.Fair)
	standard, standardProgram := smallNet(t, supernet.Standard)
	images := make([]float32, fairProgram.Values[kernels.Images].Len())
	philox.New(1, "images", 0).Normal(images, 1)
	filled := func(net *supernet.Net) *store {
		s := newStore(net.Params())
		if err := net.Fill(s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	logits := func(p *kernels.Program, s *store) []float32 {
		e, err := d.Compile(p, s, 1)
		if err == nil {
			err = e.Forward(images, 1)
		}
		out := make([]float32, p.Classes())
		if err == nil {
			err = e.Logits(out)
		}
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	weight := func(net *supernet.Net) kernels.ParamID {
		return kernels.ParamID(slices.IndexFunc(net.Params(), func(p kernels.Param) bool { return p.Kind == kernels.ConvWeight && p.Shape[1] > 3 }))
	}
	change := func(net *supernet.Net, s *store) {
		data := slices.Clone(s.Slice(weight(net), kernels.Data))
		for i := range data {
			data[i] *= 2
		}
		if err := s.Write(kernels.Data, data, weight(net)); err != nil {
			t.Fatal(err)
		}
	}
	alone := []*store{filled(fair), filled(standard)}
	a, b := filled(fair), filled(standard)
	other := filled(standard) // of which one weight is another
	change(standard, other)
	want := logits(standardProgram, other)
	other = filled(standard)
	change(standard, other)
	b.share(a)
	other.share(a)
	for _, step := range []struct {
		name string
		do   func(fairs, standards *store)
	}{
		{"at the start", func(*store, *store) {}},
		{"a weight of the second changed", func(_, s *store) { change(standard, s) }},
		{"the same weight of the first changed twice", func(s, _ *store) { change(fair, s); change(fair, s) }},
	} {
		step.do(alone[0], alone[1])
		step.do(a, b)
		for range 2 {
			if !slices.Equal(logits(fairProgram, a), logits(fairProgram, alone[0])) || !slices.Equal(logits(standardProgram, b), logits(standardProgram, alone[1])) {
				t.Fatalf("%s: the logits are not those of stores that share nothing", step.name)
			}
		}
		if got, apart := len(a.packs.all), len(alone[0].packs.all)+len(alone[1].packs.all); step.name == "at the start" && 2*got != apart {
			t.Errorf("%d packs, %d of stores that share nothing", got, apart)
		}
		if !slices.Equal(logits(standardProgram, other), want) {
			t.Fatalf("%s: a store with another weight does not have it", step.name)
		}
	}
}

// TestShareTooLate: a store that has packs of its own, or a twin that may make some, cannot have those of another one.
func TestShareTooLate(t *testing.T) {
	d, err := newDevice(1, Strict)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	net, p := smallNet(t, supernet.Fair)
	filled := func() *store {
		s := newStore(net.Params())
		if err := net.Fill(s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	fresh, packed, twinned, other := filled(), filled(), filled(), filled()
	e, err := d.Compile(p, packed, 1)
	if err == nil {
		err = e.Forward(make([]float32, p.Values[kernels.Images].Len()), 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	twinned.twin()
	for name, c := range map[string]struct {
		s     *store
		fails bool
	}{"fresh": {fresh, false}, "fresh, again": {fresh, false}, "packed": {packed, true}, "with a twin": {twinned, true}} {
		if err := d.Share(c.s, other); (err != nil) != c.fails {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestPacksOfGradients: the first input gradients of siblings read the weights of each convolution, the later ones those of all together,
// with the same bits. A program that runs seldom packs no weights of its own.
func TestPacksOfGradients(t *testing.T) {
	for _, numerics := range []Numerics{Strict, Fast} {
		for _, channels := range []int{4, 20, 48} { // a part of a block, and several blocks of which the last is in part
			d, err := newDevice(2, numerics)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			net, p := siblings(t, channels)
			s := newStore(net.Params())
			if err := net.Fill(s); err != nil {
				t.Fatal(err)
			}
			const n = 2
			images := make([]float32, n*p.Values[kernels.Images].Len())
			philox.New(1, "images", 0).Normal(images, 1)
			e, err := d.Compile(p, s, n)
			if err != nil {
				t.Fatal(err)
			}
			gradients := func() (all []float32) {
				if err := errors.Join(e.Forward(images, n), e.CrossEntropy([]int{1, 2}, 0), e.Backward(kernels.DifferentiateStatistics, false)); err != nil {
					t.Fatal(err)
				}
				for id, param := range net.Params() {
					if param.Kind == kernels.Gamma {
						all = append(all, s.Slice(kernels.ParamID(id), kernels.Grad)...)
					}
				}
				return all
			}
			want := gradients()
			packs := len(s.packs.all)
			for run := 2; run <= often+2; run++ {
				if got := gradients(); !slices.Equal(got, want) {
					t.Fatalf("%v, %d channels: pass %d has other gradients than the first", numerics, channels, run)
				}
				if more := len(s.packs.all) > packs; more != (run > often) {
					t.Errorf("%v, %d channels: after pass %d there are %d packs, after the first %d", numerics, channels, run, len(s.packs.all), packs)
				}
			}
		}
	}
}

// siblings is a network of two or three convolutions of one kind at each node, with its program.
func siblings(t *testing.T, channels int) (*supernet.Net, *kernels.Program) {
	return network(t, supernet.Config{Space: "nas-bench-201", BN: supernet.Fair, Channels: channels, Cells: 1, Height: 16, Width: 16},
		"|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|nor_conv_3x3~0|nor_conv_1x1~1|skip_connect~2|")
}

// TestPackOfGroups: two programs may use one weight in groups of other sizes, as parts of it. Each has packs of its own.
func TestPackOfGroups(t *testing.T) {
	d, err := New(1, Strict)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	params := []kernels.Param{
		{Name: "classifier.weight", Kind: kernels.LinearWeight, Shape: []int{2, 4}},
		{Name: "conv.weight", Kind: kernels.ConvWeight, Shape: []int{4, 4, 3, 3}},
	}
	filled := func() kernels.Store {
		s, err := d.NewStore(params)
		if err != nil {
			t.Fatal(err)
		}
		for id, p := range params {
			data := make([]float32, p.Len())
			philox.New(1, p.Name, 0).Normal(data, 1)
			if err := s.Write(kernels.Data, data, kernels.ParamID(id)); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	images := make([]float32, 4*6*6)
	philox.New(1, "images", 0).Normal(images, 1)
	logits := func(s kernels.Store, groups int) []float32 {
		e, err := d.Compile(grouped(groups), s, 1)
		out := make([]float32, 2)
		if err == nil {
			err = errors.Join(e.Forward(images, 1), e.Logits(out))
		}
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	both, alone := filled(), filled()
	one, two := logits(both, 1), logits(both, 2)
	if want := logits(alone, 2); !slices.Equal(two, want) || slices.Equal(two, one) {
		t.Errorf("two groups give %v after one group, which gives %v; alone %v", two, one, want)
	}
}

// grouped is oneStep with a 3×3 convolution of 4 channels in groups.
func grouped(groups int) *kernels.Program {
	maps := kernels.Shape{C: 4, H: 6, W: 6}
	return oneStep(kernels.Step{Op: kernels.OpConv, Groups: groups, Window: kernels.Window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1}}, maps, maps)
}

// smallNet returns a network with its program of 3×3 convolutions.
func smallNet(t *testing.T, bn supernet.Placement) (*supernet.Net, *kernels.Program) {
	return network(t, supernet.Config{Space: "nas-bench-201", BN: bn, Channels: 4, Cells: 1, Height: 8, Width: 8},
		"|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|nor_conv_1x1~0|nor_conv_3x3~1|avg_pool_3x3~2|")
}

// network returns a supernet, with the program of one architecture.
func network(t *testing.T, c supernet.Config, arch string) (*supernet.Net, *kernels.Program) {
	t.Helper()
	net, err := supernet.New(c)
	if err != nil {
		t.Fatal(err)
	}
	a, err := net.Space.Parse(arch)
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	return net, p
}
