package indicator

import (
	"fmt"
	"math"

	"bnas.example/philox"
	"bnas.example/supernet"
)

// Repeats is a number of repeats of a scoring. YAML leaves out 1, which is the default.
type Repeats int

// IsZero reports whether YAML leaves out the number.
func (r Repeats) IsZero() bool { return r <= 1 }

// RepeatSeed returns the seed of a repeat: the seed itself for repeat 0, else a draw of the seed's stream "repeat".
func RepeatSeed(seed uint64, repeat int) uint64 {
	if repeat == 0 {
		return seed
	}
	return philox.New(seed, "repeat", uint64(repeat)).Uint64()
}

// Repeat returns the settings of one repeat, from 0: the seeds are those of the repeat, and Repeats is 1.
func (c Config) Repeat(repeat int) Config {
	for _, seed := range []*uint64{&c.ImageSeed, &c.DirectionSeed} {
		if *seed != 0 {
			*seed = RepeatSeed(*seed, repeat)
		}
	}
	c.Seed, c.Repeats = RepeatSeed(c.Seed, repeat), 1
	return c
}

// Repeated averages the terms of an architecture over several scorers. They score the same space, each with its own random
// draws. With one scorer the scores are those of the scorer, to the bit. Use it from one goroutine at a time.
type Repeated struct {
	// Stop, if not nil, is called before each pass of a repeat. Score returns its error.
	Stop func() error

	scorers []*Scorer
}

// NewRepeated returns the average of at least one scorer.
func NewRepeated(scorers ...*Scorer) *Repeated {
	for _, s := range scorers[1:] {
		s.index = scorers[0].index
		if s.net == scorers[0].net {
			s.twin = scorers[0].twin
		}
	}
	return &Repeated{scorers: scorers}
}

// Reset clears the cached scores.
func (r *Repeated) Reset() {
	for _, s := range r.scorers {
		s.Reset()
	}
}

// Score computes the mean and the spread of each term of a: see [Scores]. The error names the architecture and the repeat.
func (r *Repeated) Score(a supernet.Arch) (Scores, error) {
	n := len(r.scorers)
	for _, s := range r.scorers {
		s.Stop = r.Stop
	}
	if n == 1 {
		return r.scorers[0].Score(a)
	}
	all := make([]Scores, n)
	for k, s := range r.scorers {
		var err error
		if all[k], err = s.Score(a); err != nil {
			return Scores{}, fmt.Errorf("repeat %d of %d: %w", k+1, n, err)
		}
	}
	return average(all), nil
}

// average returns the mean and the spread of each term over the scores of one architecture.
func average(all []Scores) Scores {
	out := all[0]
	out.Repeats = len(all)
	out.Values, out.Spread = make([]float64, len(terms)), make([]float64, len(terms))
	column := make([]float64, len(all))
	for t := range terms {
		for k, s := range all {
			column[k] = s.Values[t]
		}
		out.Values[t], out.Spread[t] = meanAndDeviation(column)
	}
	return out
}

// meanAndDeviation returns the mean and the sample standard deviation, √(Σ(x−mean)²/(n−1)), of at least two values. Equal
// values have exactly that mean and the deviation 0. If a value is −∞, so is the mean, and the deviation is NaN. If a value is
// NaN, so are both. The sums are Welford's.
func meanAndDeviation(x []float64) (mean, deviation float64) {
	var squares float64
	for i, v := range x {
		if math.IsInf(v, -1) {
			return v, math.NaN()
		}
		d := v - mean
		mean += d / float64(i+1)
		squares += d * (v - mean)
	}
	return mean, math.Sqrt(squares / float64(len(x)-1))
}
