package study

import (
	"math"

	"bnas.example/philox"
	"bnas.example/rank"
)

// level is the share of the bootstrap's values in an interval.
const level = .95

// interval bootstraps a statistic over n networks. All statistics of a study see the same resamples.
func (r *Results) interval(n, resamples int, statistic func(indices []int) float64) rank.Interval {
	return rank.Bootstrap(n, resamples, level, func(resample int) rank.Source {
		return philox.New(r.Run.Seed, "study bootstrap", uint64(resample))
	}, statistic)
}

// noInterval is that of a figure without one.
var noInterval = rank.Interval{Low: math.NaN(), High: math.NaN()}
