package study

import (
	"fmt"
	"math"
	"testing"

	"bnas.example/supernet"
)

func TestShares(t *testing.T) {
	c := choices{operators: []string{"a", "b"}, counts: [][]float64{{2, 0}, {1, 1}, {0, 4}}}
	ranking := ranked([]float64{1, 3, 2}) // networks 1, 2, 0
	for _, test := range []struct {
		times []int
		k     int
		want  string
	}{
		{nil, 1, "[0.5 0.5]"},
		{nil, 2, "[0.16666666666666666 0.8333333333333334]"},
		{nil, 3, "[0.375 0.625]"},
		{[]int{1, 0, 2}, 2, "[0 1]"},
		{[]int{1, 2, 0}, 2, "[0.5 0.5]"},
		{[]int{1, 1, 1}, 5, "[0.375 0.625]"},
		{[]int{0, 0, 3}, 2, "[0 1]"},
		{[]int{0, 1, 5}, 3, "[0.1 0.9]"},
	} {
		if got := fmt.Sprint(c.shares(ranking, test.times, test.k)); got != test.want {
			t.Errorf("the best %d of %v: %s, want %s", test.k, test.times, got, test.want)
		}
	}
	if got := c.sumOver([]float64{.25, .75}, []string{"b"}); got != .75 {
		t.Errorf("sum %v", got)
	}
}

func TestTotalVariation(t *testing.T) {
	for _, test := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{.5, .5}, []float64{.5, .5}, 0},
		{[]float64{1, 0}, []float64{0, 1}, 1},
		{[]float64{.5, .3, .2}, []float64{.25, .25, .5}, .3},
	} {
		if got := totalVariation(test.a, test.b); !(math.Abs(got-test.want) <= 1e-15) {
			t.Errorf("%v, %v: %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

// TestBatchNorms: in the standard placement only convolutions have parameters; in the fair one all operators have as many, and those of
// MobileNets have different numbers unless the last of each is trained alone.
func TestBatchNorms(t *testing.T) {
	for _, c := range []struct {
		net   supernet.Config
		train supernet.TrainSet
		want  string
	}{
		// Three stages with one cell each: 2, 4 and 8 channels, γ and β.
		{supernet.Config{Space: "nas-bench-201", BN: supernet.Standard, Channels: 2, Cells: 1}, supernet.AllBN,
			"[{none 0 0} {skip_connect 0 0} {nor_conv_1x1 3 28} {nor_conv_3x3 3 28} {avg_pool_3x3 0 0}]"},
		{supernet.Config{Space: "nas-bench-201", BN: supernet.Fair, Channels: 2, Cells: 1}, supernet.AllBN,
			"[{none 0 0} {skip_connect 3 28} {nor_conv_1x1 3 28} {nor_conv_3x3 3 28} {avg_pool_3x3 3 28}]"},
	} {
		net, err := supernet.New(c.net)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(batchNorms(net, c.train)); got != c.want {
			t.Errorf("%v: %s, want %s", c.net, got, c.want)
		}
	}
	for space, want := range map[string]int{"nas-bench-201": 2, "nas-bench-macro": 3} {
		all, err := kinds(supernet.Config{Space: space, Channels: 8})
		if err != nil || len(all) != want {
			t.Errorf("%s: %v, %v", space, all, err)
		}
	}
}
