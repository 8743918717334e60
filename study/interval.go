package study

import (
	"math"
	"slices"

	"bnas.example/philox"
	"bnas.example/rank"
)

// level is the share of the values of a bootstrap in an interval, and resamples their number.
const (
	level     = .95
	resamples = 200
)

// estimate is a figure that several seeds or pairs of seeds give: its mean, the interval of the mean over networks, and the least and
// the greatest value.
type estimate struct {
	mean float64
	rank.Interval
	least, greatest float64
}

// estimateOf is an estimate without an interval.
func estimateOf(values []float64) estimate {
	return estimate{mean(values), noInterval, slices.Min(values), slices.Max(values)}
}

// noInterval is that of a figure without one.
var noInterval = rank.Interval{Low: math.NaN(), High: math.NaN()}

// undefined is the estimate of a figure that a study cannot know.
var undefined = estimate{math.NaN(), noInterval, math.NaN(), math.NaN()}

func mean(values []float64) (sum float64) {
	for _, v := range values {
		sum += v / float64(len(values))
	}
	return sum
}

// interval bootstraps a statistic over n networks. All statistics of a study see the same resamples.
func (r *Results) interval(n int, statistic func(indices []int) float64) rank.Interval {
	return rank.Bootstrap(n, resamples, level, func(resample int) rank.Source {
		return philox.New(r.Run.Seed, "study bootstrap", uint64(resample))
	}, statistic)
}

// agreement prepares the agreement of two lists over resamples of them, given the indices that are drawn.
type agreement func(x, y []float64) func(indices []int) float64

// spearman is the agreement ρ.
func spearman(x, y []float64) func(indices []int) float64 {
	rx, ry := make([]float64, len(x)), make([]float64, len(y))
	return func(indices []int) float64 {
		for k, i := range indices {
			rx[k], ry[k] = x[i], y[i]
		}
		return rank.Spearman(rx, ry)
	}
}

// meanTau is the mean of Kendall's τ-b over pairs of values of the same networks. It is undefined without pairs, and if τ-b is undefined
// for one.
func (r *Results) meanTau(pairs [][2][]float64) estimate {
	return r.meanOf(rank.KendallResampled, pairs, nil)
}

// meanTauDifference is the mean of τ-b over the first pairs less that over the second ones. Both see the same resamples.
func (r *Results) meanTauDifference(pairs, less [][2][]float64) estimate {
	return r.meanOf(rank.KendallResampled, pairs, less)
}

// meanOf is the mean of an agreement over pairs of values of the same networks, less that over other pairs.
func (r *Results) meanOf(agree agreement, pairs, less [][2][]float64) estimate {
	if len(pairs) == 0 {
		return undefined
	}
	prepared := func(of [][2][]float64) func(indices []int) []float64 {
		values, each := make([]float64, len(of)), make([]func([]int) float64, len(of))
		for p, pair := range of {
			each[p] = agree(pair[0], pair[1])
		}
		return func(indices []int) []float64 {
			for p := range each {
				values[p] = each[p](indices)
			}
			return values
		}
	}
	first, second := prepared(pairs), prepared(less)
	n := len(pairs[0][0])
	whole := make([]int, n)
	for i := range whole {
		whole[i] = i
	}
	e := estimateOf(first(whole))
	if len(less) > 0 {
		e = estimate{mean: e.mean - mean(second(whole)), least: math.NaN(), greatest: math.NaN()}
	}
	if math.IsNaN(e.mean) {
		return undefined
	}
	e.Interval = r.interval(n, func(indices []int) float64 {
		v := mean(first(indices))
		if len(less) > 0 {
			v -= mean(second(indices))
		}
		return v
	})
	return e
}

// pairsOf returns all pairs of lists of values: one for each two seeds.
func pairsOf(values [][]float64) (pairs [][2][]float64) {
	for i := range values {
		for j := range i {
			pairs = append(pairs, [2][]float64{values[j], values[i]})
		}
	}
	return pairs
}

// against pairs each list of values with one list.
func against(values [][]float64, with []float64) (pairs [][2][]float64) {
	for _, v := range values {
		pairs = append(pairs, [2][]float64{v, with})
	}
	return pairs
}
