package study

import (
	"cmp"
	"math"
	"slices"

	"bnas.example/supernet"
)

// choices counts the operators of networks.
type choices struct {
	operators []string
	counts    [][]float64 // by network and operator
}

func newChoices(space supernet.Space, archs []supernet.Arch) choices {
	places := space.Places()
	c := choices{operators: operatorNames(places)}
	for _, a := range archs {
		row := make([]float64, len(c.operators))
		for i, o := range space.Chosen(a) {
			if o >= 0 {
				row[slices.Index(c.operators, places[i].Operators[o])]++
			}
		}
		c.counts = append(c.counts, row)
	}
	return c
}

// shares returns the share of each operator in the first k of a ranking. times says how often each network is there: in a resample
// 0, 1 or more times; nil: once.
func (c choices) shares(ranking []int, times []int, k int) []float64 {
	sum, total := make([]float64, len(c.operators)), 0.0
	for _, i := range ranking {
		n := 1
		if times != nil {
			n = min(times[i], k)
		}
		if n == 0 {
			continue
		}
		for o, count := range c.counts[i] {
			sum[o] += float64(n) * count
			total += float64(n) * count
		}
		if k -= n; k == 0 {
			break
		}
	}
	for o := range sum {
		sum[o] /= max(total, 1)
	}
	return sum
}

// totalVariation is half the sum of the absolute differences of two distributions: the share that would have to move.
func totalVariation(a, b []float64) (sum float64) {
	for i := range a {
		sum += math.Abs(a[i]-b[i]) / 2
	}
	return sum
}

// ranked returns the indices of the values, the highest first. Equal values keep their order.
func ranked(values []float64) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(values[j], values[i]) })
	return order
}

// multiplicity counts how often each of n networks is in a resample.
func multiplicity(indices []int, n int) []int {
	times := make([]int, n)
	for _, i := range indices {
		times[i]++
	}
	return times
}

// sumOver adds the shares of some operators.
func (c choices) sumOver(shares []float64, of []string) (sum float64) {
	for o, name := range c.operators {
		if slices.Contains(of, name) {
			sum += shares[o]
		}
	}
	return sum
}
