package indicator

import (
	"math"
	"testing"
)

// A block of 2 channels that fills 4 has two singular values: its evenness is at most log 2/log 4.
func TestEvennessOfFewInputs(t *testing.T) {
	block := transport{products: []float64{3, 0, 0, 0, 0, 3, 0, 0}, columns: 4, summands: 3}
	squares, err := block.squaredSingular()
	if err != nil {
		t.Fatal(err)
	}
	if got := evenness(weightEntropy(squares), block.columns); !(math.Abs(got-.5) <= 1e-12) {
		t.Errorf("evenness %v, want 0.5", got)
	}
}
