package indicator

import (
	"strings"
	"testing"

	"bnas.example/philox"
	"bnas.example/supernet"
)

// A BatchNorm takes the scale of every convolution of a standard network, also where another convolution or a concatenation is between
// them, but for the shortcuts of NAS-Bench-201's residual blocks.
func TestScaleFree(t *testing.T) {
	for _, space := range supernet.Spaces() {
		net, err := supernet.New(supernet.Config{Space: space.Name(), BN: supernet.Standard})
		if err != nil {
			t.Fatal(err)
		}
		p, err := net.Program(supernet.Random(space, philox.New(1, "arch", 0)))
		if err != nil {
			t.Fatal(err)
		}
		var scaled []string
		for _, l := range layers(p) {
			if l.out != p.Logits() && !scaleFree(p, l.out, true) {
				scaled = append(scaled, p.Values[l.out].Name)
			}
		}
		want := ""
		if space.Name() == "nas-bench-201" {
			want = "cells.5.downsample.1 cells.11.downsample.1"
		}
		if got := strings.Join(scaled, " "); got != want {
			t.Errorf("%s: the logits depend on the scale of %q, not %q", space.Name(), got, want)
		}
	}
}
