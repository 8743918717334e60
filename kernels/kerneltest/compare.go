package kerneltest

import (
	"fmt"
	"math"
)

// tolerance is the largest error of each kind, relative to the tensor's largest element. float32 with Winograd's
// F(4×4, 3×3) stays within it on the networks of the suite.
var tolerance = [...]float64{forward: 1e-4, gradient: 3e-4, exact: 1e-12}

// floor is the absolute error that is always allowed. The variance of equal elements of order 1 has such an error: the
// square of a rounding.
const floor = 1e-12

// allowed is the tolerance of a kind: that of float32. A device with less precision may have eight of its roundings,
// because they add up over the layers, and sixteen in gradients.
func (o Options) allowed(k kind) float64 {
	switch k {
	case forward:
		return tolerance[k] + 8*o.Rounding
	case gradient:
		return tolerance[k] + 16*o.Rounding
	}
	return tolerance[k]
}

// compare compares results with those of the reference, tensor by tensor. Errors are relative to the largest element.
func (o Options) compare(got, want []result) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d results, the reference has %d", len(got), len(want))
	}
	peak := map[string]float64{}
	for _, w := range want {
		peak[w.name] = largest(w.data)
	}
	for i, w := range want {
		g := got[i]
		if g.name != w.name || len(g.data) != len(w.data) {
			return fmt.Errorf("%s of %d where the reference has %s of %d", g.name, len(g.data), w.name, len(w.data))
		}
		scale := peak[w.name]
		for _, s := range w.scale {
			scale = max(scale, peak[s])
		}
		for k := range w.data {
			if e := math.Abs(g.data[k] - w.data[k]); !(e <= o.allowed(w.kind)*scale+floor) {
				return fmt.Errorf("%s: element %d of %d is %.9g, the reference has %.9g: off by %.2g of the largest, %.3g; at most %.2g may be",
					w.name, k, len(w.data), g.data[k], w.data[k], e/scale, scale, o.allowed(w.kind))
			}
		}
	}
	return nil
}

// sameBits compares two results of one device.
func sameBits(got, want []result) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d results and %d", len(got), len(want))
	}
	for i, w := range want {
		for k := range w.data {
			if math.Float64bits(got[i].data[k]) != math.Float64bits(w.data[k]) {
				return fmt.Errorf("%s: element %d of %d is %v and was %v", w.name, k, len(w.data), got[i].data[k], w.data[k])
			}
		}
	}
	return nil
}

func largest(x []float64) float64 {
	top := 0.0
	for _, v := range x {
		top = max(top, math.Abs(v))
	}
	return top
}
