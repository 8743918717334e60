package plan

import (
	"math/rand/v2"
	"testing"
)

// disjoint fails the test if two buffers overlap in both time and memory.
func disjoint(t *testing.T, buffers []Interval, at []int, size int) {
	t.Helper()
	for i, a := range buffers {
		if at[i] < 0 || at[i]+a.Size > size {
			t.Fatalf("buffer %d at %d…%d of %d", i, at[i], at[i]+a.Size, size)
		}
		for j, b := range buffers[:i] {
			if a.From <= b.To && b.From <= a.To && at[i] < at[j]+b.Size && at[j] < at[i]+a.Size {
				t.Fatalf("buffers %d %+v at %d and %d %+v at %d overlap", i, a, at[i], j, b, at[j])
			}
		}
	}
}

func TestAssign(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		var buffers []Interval
		total := 0
		for range 1 + r.IntN(30) {
			from := r.IntN(20)
			b := Interval{from, from + r.IntN(6), 16 * (1 + r.IntN(8))}
			buffers = append(buffers, b)
			total += b.Size
		}
		at, size := Assign(buffers)
		disjoint(t, buffers, at, size)
		if size > total {
			t.Fatalf("%d floats for buffers of %d", size, total)
		}
	}
}

func TestAssignReuses(t *testing.T) {
	at, size := Assign([]Interval{{0, 1, 32}, {1, 2, 16}, {2, 3, 32}, {3, 4, 16}})
	disjoint(t, []Interval{{0, 1, 32}, {1, 2, 16}, {2, 3, 32}, {3, 4, 16}}, at, size)
	if size != 48 {
		t.Errorf("a chain of four takes %d floats, two at a time are 48", size)
	}
}
