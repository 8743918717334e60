package train

import (
	"path/filepath"
	"testing"

	"bnas.example/data"
	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// tints is a data set that can be learned: noise in which the channel of the class is brighter.
type tints struct{ n, side int }

func (s tints) Name() string      { return "tints" }
func (s tints) Len() int          { return s.n }
func (s tints) Classes() []string { return []string{"red", "green", "blue"} }
func (s tints) Size() (int, int)  { return s.side, s.side }
func (s tints) Label(i int) int   { return i % 3 }
func (s tints) Channels() int     { return 3 }
func (s tints) Normal() (mean, std []float64) {
	return []float64{128, 128, 128}, []float64{64, 64, 64}
}
func (s tints) Hash() string { return "tints" }

func (s tints) Read(dst []byte, i int) error {
	r := philox.New(7, "tints", uint64(i))
	for p := range dst {
		dst[p] = byte(r.IntN(180))
		if p/(s.side*s.side) == i%3 {
			dst[p] += 70
		}
	}
	return nil
}

// tiny is a supernet that trains in milliseconds.
func tiny(t testing.TB) supernet.Config {
	t.Helper()
	return supernet.Config{
		Space: "nas-bench-201", BN: supernet.Fair, Seed: 3, Classes: 3, Height: 8, Width: 8, Channels: 4, Cells: 1,
	}
}

func quick(steps int) Config {
	c := Default()
	c.Optimizer, c.LR = SGD, 0.2
	c.Steps, c.Batch, c.Seed, c.MetricsEvery, c.GammaEvery = steps, 6, 5, 2, 4
	c.CheckpointInterval = 0
	return c
}

// rig has all parts of a run, newly made, as in a new process.
type rig struct {
	net    *supernet.Net
	dev    kernels.Device
	store  kernels.Store
	loader *data.Loader
}

func newRig(t testing.TB, sc supernet.Config, cfg Config) rig {
	t.Helper()
	return rigOn(t, ref.New(), sc, cfg)
}

func rigOn(t testing.TB, dev kernels.Device, sc supernet.Config, cfg Config) rig {
	t.Helper()
	open := supernet.New
	if cfg.AuxWeight > 0 {
		open = supernet.NewAuxiliary
	}
	net, err := open(sc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	store, err := dev.NewStore(net.Params())
	if err != nil {
		t.Fatal(err)
	}
	if err := net.Fill(store); err != nil {
		t.Fatal(err)
	}
	return rig{net, dev, store, loaderOf(t, net.Config.Height, cfg.Batch, 11)}
}

func newLoader(t testing.TB, batch int, seed uint64) *data.Loader {
	t.Helper()
	return loaderOf(t, 8, batch, seed)
}

func loaderOf(t testing.TB, side, batch int, seed uint64) *data.Loader {
	t.Helper()
	set := tints{n: 30, side: side}
	indices := make([]int, set.n)
	for i := range indices {
		indices[i] = i
	}
	loader, err := data.NewLoader(set, indices, batch, data.Augment{PadCrop: 1, Flip: true}, seed)
	if err != nil {
		t.Fatal(err)
	}
	return loader
}

func (r rig) trainer(t testing.TB, cfg Config, dir string) *Trainer {
	t.Helper()
	tr, err := New(r.net, r.dev, r.store, r.loader, cfg, dir)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.TestEvery > 0 {
		side := r.net.Config.Height
		tr.Test = each([]data.Batch{batchOf(t, side, 0, 8), batchOf(t, side, 8, 5)})
	}
	return tr
}

// fresh returns a trainer with a new rig.
func fresh(t testing.TB, cfg Config, dir string) *Trainer {
	t.Helper()
	return newRig(t, tiny(t), cfg).trainer(t, cfg, dir)
}

func checkpointPath(dir string) string { return filepath.Join(dir, CheckpointName) }

// testBatch returns n images of tints that no loader delivers, without augmentation.
func testBatch(t testing.TB, from, n int) data.Batch {
	t.Helper()
	return batchOf(t, 8, from, n)
}

func batchOf(t testing.TB, side, from, n int) data.Batch {
	t.Helper()
	indices := make([]int, n)
	for i := range indices {
		indices[i] = 30 + from + i
	}
	b, err := data.Gather(tints{n: 60, side: side}, indices)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
