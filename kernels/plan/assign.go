package plan

import "slices"

// Interval describes a buffer of Size units. The buffer is in use from time From to time To, both included.
type Interval struct{ From, To, Size int }

// Assign places buffers in memory: no two of them overlap in both time and memory. It takes them in the order of their
// starts and places each in the first hole that is large enough.
func Assign(buffers []Interval) (at []int, size int) {
	order := make([]int, len(buffers))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return buffers[a].From - buffers[b].From })
	at = make([]int, len(buffers))
	var placed []int // buffers that are still in use, by address
	for _, i := range order {
		placed = slices.DeleteFunc(placed, func(j int) bool { return buffers[j].To < buffers[i].From })
		hole, k := 0, 0
		for ; k < len(placed); k++ {
			if at[placed[k]]-hole >= buffers[i].Size {
				break
			}
			hole = at[placed[k]] + buffers[placed[k]].Size
		}
		at[i] = hole
		placed = slices.Insert(placed, k, i)
		size = max(size, hole+buffers[i].Size)
	}
	return at, size
}
