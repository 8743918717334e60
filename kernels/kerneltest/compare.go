package kerneltest

import (
	"fmt"
	"math"
	"strings"

	"bnas.example/kernels/ref"
)

// tolerance is the largest error of each kind, relative to the tensor's largest element. float32 with Winograd's
// F(4×4, 3×3) stays within it on the networks of the suite.
var tolerance = [...]float64{forward: 1e-4, gradient: 3e-4, exact: 1e-12}

// floor is the absolute error that is always allowed. The variance of equal elements of order 1 has such an error: the
// square of a rounding.
const floor = 1e-12

// amplified is the number of spreads that an error may have: see spread.
const amplified = 3

// spread returns, for each result, how far a device with o.Rounding may be from the reference besides the tolerance of
// float32: one rounding of the largest element, and three times the largest change that the roundings make in the
// reference. Roundings add up over the layers, and a BatchNorm over values that hardly vary divides by a small deviation:
// only the network at hand tells by how much it amplifies them. The reference rounds to the nearest, as the device does, and
// twice at random: in one result the errors of one rounding may cancel by chance. spread returns nil if the device does not
// round.
func (o Options) spread(c *Case, want []result, gates map[string][]float32) ([]float64, error) {
	if o.Rounding == (ref.Rounding{}) {
		return nil, nil
	}
	spread := make([]float64, len(want))
	for dither := range uint64(3) {
		r := o.Rounding
		r.Dither = dither
		rounded, err := observe(c, ref.New(), gates, r)
		if err != nil {
			return nil, err
		}
		for i, w := range want {
			if w.kind != exact {
				spread[i] = max(spread[i], o.Rounding.Unit()*largest(w.data)+amplified*distance(rounded.results[i].data, w.data))
			}
		}
	}
	return spread, nil
}

// distance returns the largest difference of two elements.
func distance(a, b []float64) float64 {
	most := 0.0
	for k, v := range b {
		most = max(most, math.Abs(a[k]-v))
	}
	return most
}

// group returns the name of the results of one kind that a result belongs to: its name without the number of the parameter,
// node or value.
func group(name string) string { return strings.TrimRight(name, "0123456789 ") }

// small is the share of the largest element of a group that every result of the group has at least as its scale. Where sums
// cancel to almost nothing, the error is that of the terms: dγ of a BatchNorm whose scale a later one undoes, or the
// covariance of a map that hardly varies.
const small = 0.01

// compare compares results with those of the reference, tensor by tensor. Errors are relative to the largest element. An
// error may be larger by the spread of its result, if there are spreads, and as large as the noise of its element, if there is
// noise: at most max(tolerance·scale + floor + spread, noise).
func compare(got, want []result, spread []float64, noise [][]float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d results, the reference has %d", len(got), len(want))
	}
	peak, groups := map[string]float64{}, map[string]float64{}
	for _, w := range want {
		peak[w.name] = largest(w.data)
		groups[group(w.name)] = max(groups[group(w.name)], peak[w.name])
	}
	for i, w := range want {
		g := got[i]
		if g.name != w.name || len(g.data) != len(w.data) {
			return fmt.Errorf("%s of %d where the reference has %s of %d", g.name, len(g.data), w.name, len(w.data))
		}
		scale := max(peak[w.name], small*groups[group(w.name)])
		for _, s := range w.scale {
			scale = max(scale, peak[s])
		}
		most := tolerance[w.kind]*scale + floor
		if spread != nil {
			most += spread[i]
		}
		for k := range w.data {
			most := most
			if noise != nil {
				most = max(most, noise[i][k])
			}
			if e := math.Abs(g.data[k] - w.data[k]); !(e <= most) {
				return fmt.Errorf("%s: element %d of %d is %.9g, the reference has %.9g: off by %.2g of the largest, %.3g; at most %.2g may be",
					w.name, k, len(w.data), g.data[k], w.data[k], e/scale, scale, most/scale)
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
