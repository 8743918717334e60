package indicator

import "testing"

// With two classes the directions are no multiples of each other for any seed: one of them sees what softmax sees.
func TestDirectionsOfTwoClasses(t *testing.T) {
	for seed := range uint64(20) {
		d := directions(2, 2, seed)
		if len(d) != 2 || d[0][0]*d[1][1] == d[0][1]*d[1][0] {
			t.Errorf("seed %d: %v", seed, d)
		}
	}
	if d := directions(10, 2, 0); len(d) != 2 || d[0][0]*d[0][0] != 1 {
		t.Errorf("ten classes: %v", d)
	}
}
