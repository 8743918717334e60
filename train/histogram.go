package train

import "slices"

// Histogram counts values in buckets of equal width from the least to the largest.
type Histogram struct {
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
	Sum     float64 `json:"sum"`
	Squares float64 `json:"squares"` // sum of the squares
	Counts  []int   `json:"counts"`  // one bucket if all values are equal
}

// buckets of a histogram: as many as TensorBoard shows.
const buckets = 30

// histograms returns a histogram for each operator of the values of all lists that are its own.
func histograms(operators []string, lists [][]float32) map[string]Histogram {
	of := map[string][]float32{}
	for i, name := range operators {
		of[name] = append(of[name], lists[i]...)
	}
	all := map[string]Histogram{}
	for name, values := range of {
		if len(values) > 0 {
			all[name] = histogram(values)
		}
	}
	return all
}

// histogram counts values, of which there is at least one.
func histogram(values []float32) Histogram {
	h := Histogram{Min: float64(slices.Min(values)), Max: float64(slices.Max(values)), Counts: make([]int, buckets)}
	if h.Min == h.Max {
		h.Counts = h.Counts[:1]
	}
	scale := float64(len(h.Counts)) / max(h.Max-h.Min, 1e-300)
	for _, v := range values {
		x := float64(v)
		h.Sum += x
		h.Squares += x * x
		h.Counts[min(int((x-h.Min)*scale), len(h.Counts)-1)]++
	}
	return h
}
