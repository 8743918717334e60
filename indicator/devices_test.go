package indicator

import (
	"math"
	"testing"

	"bnas.example/kernels/cpu"
	"bnas.example/supernet"
)

// The scores of the CPU engine are those of the reference up to the rounding of float32.
func TestDevicesAgree(t *testing.T) {
	if _, ok := cpu.Available(); !ok {
		t.Skip("no cpu engine in this build")
	}
	for _, placement := range []supernet.Placement{supernet.Standard, supernet.Fair} {
		b := newBench(t, placement, true)
		want := b.score(t, mixed)
		dev, err := cpu.New(2, cpu.Strict)
		if err != nil {
			t.Fatal(err)
		}
		defer dev.Close()
		c := &bench{net: b.net, dev: dev, in: b.in}
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
			if math.Abs(got-want[name]) > 1e-3*math.Max(math.Abs(want[name]), .1) {
				t.Errorf("%s, %s: cpu %v, reference %v", placement, name, got, want[name])
			}
		}
	}
}
