package rank

import (
	"math"
	"slices"
)

// Interval is a percentile bootstrap interval.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Undefined reports whether the statistic has no interval: it is undefined in every resample.
func (i Interval) Undefined() bool { return math.IsNaN(i.Low) }

// Source draws integers, uniform on 0…n−1. Those of math/rand/v2 are Sources.
type Source interface{ IntN(n int) int }

// Bootstrap draws resamples of 0…n−1 with replacement, evaluates statistic on the indices of each, and returns the
// central interval that holds the share level of the values (Efron's percentile interval). Resample r is drawn from
// source(r): with the same sources, different statistics see the same resamples. The slice given to statistic is
// reused. Resamples in which the statistic is NaN, undefined, are left out; if no resample is left, both ends are NaN.
func Bootstrap(n, resamples int, level float64, source func(resample int) Source, statistic func(indices []int) float64) Interval {
	if n == 0 || resamples < 1 {
		return Interval{math.NaN(), math.NaN()}
	}
	values := make([]float64, 0, resamples)
	indices := make([]int, n)
	for r := range resamples {
		draw := source(r)
		for i := range indices {
			indices[i] = draw.IntN(n)
		}
		if v := statistic(indices); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return Interval{math.NaN(), math.NaN()}
	}
	slices.Sort(values)
	tail := (1 - level) / 2
	return Interval{quantile(values, tail), quantile(values, 1-tail)}
}

// quantile interpolates linearly between the order statistics of sorted.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	below := int(math.Floor(at))
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[below] + (at-float64(below))*(sorted[below+1]-sorted[below])
}

// KendallResampled returns KendallTauB of resamples of a pair of lists without NaN, given the indices that are drawn. It sorts the lists
// once. Calls must not overlap.
func KendallResampled(x, y []float64) func(indices []int) float64 {
	k, count := newKendall(x, y), make([]int64, len(x))
	return func(indices []int) float64 {
		tally(count, indices)
		return k.tauB(count)
	}
}

// KendallInterval is KendallTauB's bootstrap interval. Both ends are NaN where KendallTauB is.
func KendallInterval(x, y []float64, resamples int, level float64, source func(resample int) Source) Interval {
	if math.IsNaN(KendallTauB(x, y)) {
		return Interval{math.NaN(), math.NaN()}
	}
	return Bootstrap(len(x), resamples, level, source, KendallResampled(x, y))
}

// KendallDifference is τ_b(x, z) − τ_b(y, z) with its bootstrap interval. Both correlations see the same resamples: what a
// resample does to both alike cancels. All are NaN where one of the correlations is.
func KendallDifference(x, y, z []float64, resamples int, level float64, source func(resample int) Source) (difference float64, interval Interval) {
	difference = KendallTauB(x, z) - KendallTauB(y, z)
	if math.IsNaN(difference) {
		return difference, Interval{math.NaN(), math.NaN()}
	}
	xz, yz := KendallResampled(x, z), KendallResampled(y, z)
	return difference, Bootstrap(len(x), resamples, level, source, func(indices []int) float64 { return xz(indices) - yz(indices) })
}

// tally sets count to how often each index is drawn.
func tally(count []int64, indices []int) {
	clear(count)
	for _, i := range indices {
		count[i]++
	}
}
