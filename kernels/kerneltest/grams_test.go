package kerneltest

import (
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// gramBackend is the reference with products of gradients, which may be spoilt.
type gramBackend struct {
	kernels.Device
	spoil func(sums *kernels.TangentSums)
	node  func(dst []float64)
}

func (b gramBackend) Compile(p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
	e, err := b.Device.Compile(p, s, n)
	return &gramExec{Exec: e, of: b}, err
}

type gramExec struct {
	kernels.Exec
	of gramBackend
	n  int
}

func (e *gramExec) Forward(images []float32, rows int) error {
	e.n = len(images) / e.Program().Values[kernels.Images].Len()
	return e.Exec.Forward(images, rows)
}

func (e *gramExec) Tangents(t kernels.Tangents) (kernels.TangentSums, error) {
	sums, err := sumSamples(e.Exec, e.n, t)
	if e.of.spoil != nil && err == nil {
		e.of.spoil(&sums)
	}
	return sums, err
}

func (e *gramExec) NodeGram(dst []float64, to kernels.NodeID, seed []float32, from kernels.NodeID) error {
	g := make([]float32, e.n*e.Program().Nodes[to].Len())
	err := e.NodeGradient(g, to, seed, from)
	clear(dst)
	addGram(dst, g, e.n, nil)
	if e.of.node != nil {
		e.of.node(dst)
	}
	return err
}

func TestGrams(t *testing.T) {
	calls := 0
	for name, c := range map[string]struct {
		backend gramBackend
		fails   bool
	}{
		"right":            {gramBackend{}, false},
		"a wrong element":  {gramBackend{spoil: func(s *kernels.TangentSums) { scale(s.Kernels, 1, 1+1e-11) }}, true},
		"a wrong column":   {gramBackend{spoil: func(s *kernels.TangentSums) { add(s.Columns) }}, true},
		"a kernel missing": {gramBackend{spoil: func(s *kernels.TangentSums) { s.Kernels = s.Kernels[:len(s.Kernels)-1] }}, true},
		"other bits the second time": {gramBackend{spoil: func(s *kernels.TangentSums) {
			calls++
			scale(s.Kernels, 0, 1+1e-15*float64(calls))
		}}, true},
		"a wrong product": {gramBackend{node: func(dst []float64) { dst[len(dst)-1] *= 1 + 1e-11 }}, true},
	} {
		factory := func(int) (kernels.Device, error) {
			c.backend.Device = ref.New()
			return kernels.Guard("grams", c.backend), nil
		}
		if err := find(t, Options{}, "grams").run(factory, Options{}); (err != nil) != c.fails {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// scale multiplies the first element of kernel k.
func scale(all [][]float64, k int, by float64) {
	if k < len(all) {
		all[k][0] *= by
	}
}

func add(columns []float32) {
	if len(columns) > 0 {
		columns[0]++
	}
}
