package study

import (
	"math/rand/v2"
	"slices"
	"testing"

	"bnas.example/kernels"
	"bnas.example/rank"
	"bnas.example/supernet"
)

// programOf lowers a network.
func programOf(t *testing.T, c supernet.Config, text string) *kernels.Program {
	t.Helper()
	net, err := supernet.New(c)
	if err != nil {
		t.Fatal(err)
	}
	a, err := net.Space.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestHandCounts: operators and paths of networks of NAS-Bench-201, in the first with a dead end.
func TestHandCounts(t *testing.T) {
	c := supernet.Config{Space: "nas-bench-201", BN: supernet.Standard, Cells: 1, Channels: 8}
	for text, want := range map[string]struct{ ones, threes, pools float64 }{
		"|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|avg_pool_3x3~0|none~1|none~2|":                 {0, 0, 3},
		"|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|": {0, 18, 0},
		"|nor_conv_1x1~0|+|skip_connect~0|none~1|+|skip_connect~0|nor_conv_3x3~1|none~2|":                 {3, 3, 0},
	} {
		got := handCounts(programOf(t, c, text))
		// The stem and two convolutions of each of the two residual blocks have 3×3; their shortcuts have 1×1 after a pool.
		if got[0] != want.ones+2 || got[1] != want.threes+5 || got[5] != want.pools+2 {
			t.Errorf("%s: counts %v", text, got)
		}
	}
	p := programOf(t, c, "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|skip_connect~0|nor_conv_3x3~1|avg_pool_3x3~2|")
	// Of a cell: the skip, and a skip and a pool; none with one convolution; two convolutions, and two and a pool.
	if got := pathsOf(p, p.Blocks[0]); !slices.Equal(got, []float64{2, 0, 2, 0, 0}) {
		t.Errorf("paths %v", got)
	}
}

// TestHandCountsOfDARTS: six normal cells with 7 depthwise convolutions and a max pool each, two reduction cells with 11.
func TestHandCountsOfDARTS(t *testing.T) {
	p := programOf(t, supernet.Config{Space: "darts", BN: supernet.Standard, Cells: 2, Channels: 4},
		"normal skip_connect:0 avg_pool_3x3:1 sep_conv_3x3:0 sep_conv_3x3:2 dil_conv_5x5:0 sep_conv_5x5:2 skip_connect:0 max_pool_3x3:2 "+
			"reduce sep_conv_5x5:0 sep_conv_5x5:1 dil_conv_5x5:0 dil_conv_5x5:2 dil_conv_5x5:0 skip_connect:3 sep_conv_3x3:0 sep_conv_3x3:3")
	if got := handCounts(p); got[3] != 6*7+2*11 || got[4] != 6 || got[5] != 6 {
		t.Errorf("%v grouped convolutions, %v max pools, %v average pools", got[3], got[4], got[5])
	}
}

// TestRegression: it finds a function of two columns among others, and nothing where there is nothing.
func TestRegression(t *testing.T) {
	const n = 160
	r := rand.New(rand.NewPCG(1, 2))
	columns := make([][]float64, 5)
	for c := range columns {
		for range n {
			columns[c] = append(columns[c], r.NormFloat64())
		}
	}
	columns = append(columns, make([]float64, n)) // of one value
	planted, noise := make([]float64, n), make([]float64, n)
	for i := range n {
		planted[i], noise[i] = columns[0][i]+columns[1][i]*columns[1][i], r.NormFloat64()
	}
	var first, second []int
	for i := range n {
		if i%2 == 0 {
			first = append(first, i)
		} else {
			second = append(second, i)
		}
	}
	for _, c := range []struct {
		truth     []float64
		low, high float64
	}{{planted, .5, 1}, {noise, -.25, .25}} {
		predicted, err := newRegression(columns).predict(c.truth, first, second)
		if err != nil {
			t.Fatal(err)
		}
		var truth []float64
		for _, i := range second {
			truth = append(truth, c.truth[i])
		}
		if tau := rank.KendallTauB(predicted, truth); tau < c.low || tau > c.high {
			t.Errorf("τ-b %v, want %v to %v", tau, c.low, c.high)
		}
	}
}
