package indicator

import (
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// small has the smallest numbers that every term accepts.
var small = Config{Images: 12, NTKImages: 5, NTKBatches: 2, Directions: 2, MCBatches: 3, MCBatch: 6, MCQueries: 5, Seed: 7}

// mixed is a cell with convolutions, a pool, a skip connection and none.
const mixed = "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|"

// bench is a small supernet on the reference device.
type bench struct {
	net   *supernet.Net
	dev   kernels.Device
	store kernels.Store
	in    Inputs
}

// newBench makes a bench of NAS-Bench-201. If trained is set, it draws γ ~ .5 + U(0,1) and β ~ N(0, .3²).
func newBench(t testing.TB, placement supernet.Placement, trained bool) *bench {
	t.Helper()
	return benchOf(t, supernet.Config{Space: "nas-bench-201", BN: placement, Seed: 3, Classes: 4, Height: 8, Width: 8, Channels: 4, Cells: 1}, trained)
}

// benchOf makes a bench of a supernet for images of 8×8 pixels of 4 classes.
func benchOf(t testing.TB, of supernet.Config, trained bool) *bench {
	t.Helper()
	net, err := supernet.New(of)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{net: net, dev: ref.New(), in: someImages(small.ImagesNeeded(), 8, 8, 4)}
	t.Cleanup(func() { b.dev.Close() })
	if b.store, err = net.NewStore(b.dev); err != nil {
		t.Fatal(err)
	}
	if trained {
		for i, bn := range net.BNs() {
			n := net.Params()[bn.Gamma].Len()
			gamma, beta := make([]float32, n), make([]float32, n)
			r := philox.New(11, "train", uint64(i))
			for c := range gamma {
				gamma[c] = .5 + float32(r.Float64())
			}
			r.Normal(beta, .3)
			b.write(t, bn.Gamma, gamma)
			b.write(t, bn.Beta, beta)
		}
	}
	return b
}

// someImages returns smooth random images: neighbouring pixels are correlated, as in photographs.
func someImages(n, h, w, classes int) Inputs {
	data := make([]float32, n*3*h*w)
	labels := make([]int, n)
	for i := range n {
		r := philox.New(5, "image", uint64(i))
		labels[i] = r.IntN(classes)
		plane := data[i*3*h*w : (i+1)*3*h*w]
		r.Normal(plane, 1)
		for k := 1; k < len(plane); k++ {
			plane[k] = .8*plane[k-1] + .6*plane[k]
		}
	}
	return Inputs{Images: data, Labels: labels}
}

func (b *bench) read(t testing.TB, id kernels.ParamID, slot kernels.Slot) []float32 {
	t.Helper()
	v := make([]float32, b.net.Params()[id].Len())
	if err := b.store.Read(slot, v, id); err != nil {
		t.Fatal(err)
	}
	return v
}

func (b *bench) write(t testing.TB, id kernels.ParamID, v []float32) {
	t.Helper()
	if err := b.store.Write(kernels.Data, v, id); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) arch(t testing.TB, text string) supernet.Arch {
	t.Helper()
	a, err := b.net.Space.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (b *bench) scorer(t testing.TB, cfg Config) *Scorer {
	t.Helper()
	s, err := NewScorer(b.net, b.dev, b.store, b.in, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (b *bench) score(t testing.TB, text string) map[string]float64 {
	t.Helper()
	return named(b.must(t, b.scorer(t, small), text))
}

func (b *bench) must(t testing.TB, s *Scorer, text string) Scores {
	t.Helper()
	got, err := s.Score(b.arch(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func named(s Scores) map[string]float64 {
	m := map[string]float64{}
	for i, name := range TermNames() {
		m[name] = s.Values[i]
	}
	return m
}
