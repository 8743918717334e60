package indicator

import (
	"slices"
	"testing"
)

// Two columns differ in row 0 alone, two in the last, and two are the same. More than 64 rows are hashed.
func TestOnPatterns(t *testing.T) {
	for _, n := range []int{1, 12, 64, 65, 200} {
		const units = 4
		x := make([]float32, n*units)
		x[1] = 1
		x[(n-1)*units+2] = 1
		got := onPatterns(x, n)
		if got[0] != got[3] || got[0] == got[1] || got[0] == got[2] {
			t.Errorf("%d rows: %x", n, got)
		}
		slices.Sort(got)
		want := 3
		if n == 1 {
			want = 2
		}
		if distinct := len(slices.Compact(got)); distinct != want {
			t.Errorf("%d rows: %d different, want %d", n, distinct, want)
		}
	}
}

// Columns of few ones are different, whatever rows these are in.
func TestOnPatternsOfFewOnes(t *testing.T) {
	const n = 128
	var sets [][]int
	for a := range n {
		sets = append(sets, []int{a})
		for b := range a {
			sets = append(sets, []int{b, a})
		}
	}
	x := make([]float32, n*len(sets))
	for u, rows := range sets {
		for _, i := range rows {
			x[i*len(sets)+u] = 1
		}
	}
	got := onPatterns(x, n)
	slices.Sort(got)
	if distinct := len(slices.Compact(got)); distinct != len(sets) {
		t.Errorf("%d patterns, want %d", distinct, len(sets))
	}
}
