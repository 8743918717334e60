package indicator

import (
	"fmt"
	"math"
	"slices"
)

// RanksAmong returns [Composite.Ranks] of some networks of a set of n, whose ranks are among all live ones of the set. at
// returns the scores of a network of the set. They are read one after another: memory is in proportion to the networks that
// are asked for.
func (c Composite) RanksAmong(n int, at func(i int) (Scores, error), of []int32) ([]float64, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	asked := make([][]float64, len(c.Terms)) // by term: the values of the networks that are asked for
	dead := make([]bool, len(of))
	values := make([]float64, len(c.Terms))
	for k, i := range of {
		s, err := at(int(i))
		if err == nil {
			err = c.values(s, values)
		}
		if err != nil {
			return nil, err
		}
		dead[k] = s.Dead
		for t, v := range values {
			asked[t] = append(asked[t], v)
		}
	}
	counts := make([]rankCount, len(c.Terms))
	for t := range counts {
		counts[t] = newRankCount(asked[t])
	}
	live := 0
	for i := range n {
		s, err := at(i)
		if err == nil {
			err = c.values(s, values)
		}
		if err != nil {
			return nil, err
		}
		if s.Dead {
			continue
		}
		live++
		for t, v := range values {
			counts[t].add(v)
		}
	}
	fused := make([]float64, len(of))
	for t := range counts {
		rank := counts[t].ranks()
		for k, v := range asked[t] {
			fused[k] += c.weigh(rank(v) / float64(live))
		}
	}
	for k := range fused {
		if fused[k] = c.settle(fused[k], live); dead[k] {
			fused[k] = math.Inf(-1)
		}
	}
	return fused, nil
}

// values writes the terms of a network into v, negated if they are in Against. It is an error if a live network lacks one.
func (c Composite) values(s Scores, v []float64) error {
	for k, name := range c.Terms {
		t, err := termIndex(name)
		if err != nil {
			return err
		}
		if v[k] = s.Values[t]; math.IsNaN(v[k]) && !s.Dead {
			return fmt.Errorf("indicator: %s has no %s", s.Arch, name)
		}
		if slices.Contains(c.Against, name) {
			v[k] = -v[k]
		}
	}
	return nil
}

// rankCount finds the ranks of a few values among many.
type rankCount struct {
	points []float64 // the values whose ranks are asked for, ascending, each once
	equal  []int     // as large as a point
	below  []int     // below a point and above the one before; the last element is above all
}

func newRankCount(values []float64) rankCount {
	points := slices.Clone(values)
	slices.Sort(points)
	points = slices.Compact(points)
	return rankCount{points, make([]int, len(points)), make([]int, len(points)+1)}
}

// add counts one of the many.
func (r *rankCount) add(v float64) {
	if i, found := slices.BinarySearch(r.points, v); found {
		r.equal[i]++
	} else {
		r.below[i]++
	}
}

// ranks returns the function that gives the rank of a point: from 1, and for equal values the mean of their ranks.
func (r *rankCount) ranks() func(v float64) float64 {
	rank := make([]float64, len(r.points))
	from := 0
	for i, n := range r.equal {
		from += r.below[i]
		rank[i] = float64(from+1+from+n) / 2
		from += n
	}
	return func(v float64) float64 {
		i, _ := slices.BinarySearch(r.points, v)
		return rank[i]
	}
}
