package indicator

import (
	"errors"
	"math"
	"slices"
	"testing"

	"bnas.example/philox"
)

// TestRanksAmong: some networks of a set have the log-ranks that Ranks gives them, to the bit, with ties, −∞ and dead ones.
func TestRanksAmong(t *testing.T) {
	c := Composite{Name: "two", Terms: []string{"naswot", "ntk"}, Against: []string{"ntk"}}
	set := fakeScores(200, func(_ int, r *philox.Stream) map[string]float64 {
		return map[string]float64{"naswot": math.Floor(20 * r.Float64()), "ntk": math.Log(math.Floor(3 * r.Float64()))}
	})
	set[3].Dead, set[77].Dead = true, true
	set[77].Values = slices.Repeat([]float64{math.NaN()}, len(terms))
	at := func(i int) (Scores, error) { return set[i], nil }
	want, err := c.Ranks(set)
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range [][]int32{{}, {5}, {77, 3, 9, 8, 7, 199, 0}} {
		got, err := c.RanksAmong(len(set), at, of)
		if err != nil || len(got) != len(of) {
			t.Fatalf("%v: %v, %v", of, got, err)
		}
		for k, i := range of {
			if got[k] != want[i] {
				t.Errorf("%v: network %d has %v, want %v", of, i, got[k], want[i])
			}
		}
	}
	set[6].Values = set[77].Values
	if _, err := c.RanksAmong(len(set), at, []int32{1}); err == nil {
		t.Error("a network lacks a term, and it is no error")
	}
	broken := errors.New("broken")
	if _, err := c.RanksAmong(1, func(int) (Scores, error) { return Scores{}, broken }, nil); !errors.Is(err, broken) {
		t.Errorf("an error of the set arrives as %v", err)
	}
}
