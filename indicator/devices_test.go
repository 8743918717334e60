package indicator

import (
	"errors"
	"math"
	"testing"

	"bnas.example/cuda"
	"bnas.example/internal/gpusim/emulated"
	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
	"bnas.example/supernet"
)

// The scores of the CPU engine and of an emulated GPU are those of the reference up to the rounding of float32.
func TestDevicesAgree(t *testing.T) {
	for name, of := range map[string]struct {
		open       func() (kernels.Device, error)
		placements []supernet.Placement
	}{
		"cpu": {func() (kernels.Device, error) { return cpu.New(2, cpu.Strict) }, []supernet.Placement{supernet.Standard, supernet.Fair}},
		"gpu": {func() (kernels.Device, error) {
			g, err := emulated.New(emulated.Options{})
			if err != nil {
				return nil, err
			}
			return cuda.New(g, cuda.Options{})
		}, []supernet.Placement{supernet.Fair}},
	} {
		t.Run(name, func(t *testing.T) {
			dev, err := of.open()
			if errors.Is(err, kernels.ErrUnsupported) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer dev.Close()
			for _, placement := range of.placements {
				scoresAgree(t, placement, dev)
			}
		})
	}
}

func scoresAgree(t *testing.T, placement supernet.Placement, dev kernels.Device) {
	t.Helper()
	b := newBench(t, placement, true)
	want := b.score(t, mixed)
	c := &bench{net: b.net, dev: dev, in: b.in}
	var err error
	if c.store, err = dev.NewStore(b.net.Params()); err != nil {
		t.Fatal(err)
	}
	if err := b.net.Fill(c.store); err != nil {
		t.Fatal(err)
	}
	for _, bn := range b.net.BNs() {
		c.write(t, bn.Gamma, b.read(t, bn.Gamma, 0))
		c.write(t, bn.Beta, b.read(t, bn.Beta, 0))
	}
	for name, got := range c.score(t, mixed) {
		if !(math.Abs(got-want[name]) <= 1e-3*math.Max(math.Abs(want[name]), .1)) {
			t.Errorf("%s, %s: %v, reference %v", placement, name, got, want[name])
		}
	}
}
