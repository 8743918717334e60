package main

import (
	"math"
	"strings"
	"testing"

	"bnas.example/indicator"
)

// Terms that most architectures have alike are named; those that all have alike are so already.
func TestEqualText(t *testing.T) {
	var b strings.Builder
	equalText(&b, []indicator.Correlation{
		{Name: "te_regions", N: 10, Equal: 6, Tau: 0.1},
		{Name: "depth", N: 10, Equal: 5, Tau: 0.1},
		{Name: "flat", N: 10, Equal: 10, Tau: math.NaN()},
	})
	if want := "te_regions has one value in 6 of 10\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
