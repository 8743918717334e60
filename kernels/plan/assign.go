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
	var held []int // placed buffers that are still in use, by address
	for _, i := range order {
		held = slices.DeleteFunc(held, func(j int) bool { return buffers[j].To < buffers[i].From })
		hole, k := 0, 0
		for ; k < len(held); k++ {
			if at[held[k]]-hole >= buffers[i].Size {
				break
			}
			hole = at[held[k]] + buffers[held[k]].Size
		}
		at[i] = hole
		held = slices.Insert(held, k, i)
		size = max(size, hole+buffers[i].Size)
	}
	return at, size
}
