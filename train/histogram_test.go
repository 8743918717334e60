package train

import (
	"reflect"
	"testing"
)

func TestHistograms(t *testing.T) {
	got := histograms([]string{"conv", "pool", "conv", "empty"}, [][]float32{{0, 3}, {0.5, 0.5}, {1.5}, {}})
	conv := Histogram{Min: 0, Max: 3, Sum: 4.5, Squares: 11.25, Counts: make([]int, buckets)}
	conv.Counts[0], conv.Counts[15], conv.Counts[29] = 1, 1, 1
	want := map[string]Histogram{"conv": conv, "pool": {Min: 0.5, Max: 0.5, Sum: 1, Squares: 0.5, Counts: []int{2}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}
