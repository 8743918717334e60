package ptx

import (
	"iter"
	"math/bits"
)

// special is a special register of lane l of a warp.
type special struct {
	bytes int
	of    func(w *warp, l int) uint64
}

var specials = map[string]special{
	"%tid.x": {4, func(w *warp, l int) uint64 { return uint64(w.tid(l)[0]) }},
	"%tid.y": {4, func(w *warp, l int) uint64 { return uint64(w.tid(l)[1]) }},
	"%tid.z": {4, func(w *warp, l int) uint64 { return uint64(w.tid(l)[2]) }},

	"%ntid.x": {4, func(w *warp, _ int) uint64 { return uint64(w.block.launch.block[0]) }},
	"%ntid.y": {4, func(w *warp, _ int) uint64 { return uint64(w.block.launch.block[1]) }},
	"%ntid.z": {4, func(w *warp, _ int) uint64 { return uint64(w.block.launch.block[2]) }},

	"%ctaid.x": {4, func(w *warp, _ int) uint64 { return uint64(w.block.index[0]) }},
	"%ctaid.y": {4, func(w *warp, _ int) uint64 { return uint64(w.block.index[1]) }},
	"%ctaid.z": {4, func(w *warp, _ int) uint64 { return uint64(w.block.index[2]) }},

	"%nctaid.x": {4, func(w *warp, _ int) uint64 { return uint64(w.block.launch.grid[0]) }},
	"%nctaid.y": {4, func(w *warp, _ int) uint64 { return uint64(w.block.launch.grid[1]) }},
	"%nctaid.z": {4, func(w *warp, _ int) uint64 { return uint64(w.block.launch.grid[2]) }},
}

// lanes are the set bits of m.
func lanes(m uint32) iter.Seq[int] {
	return func(yield func(int) bool) {
		for ; m != 0; m &= m - 1 {
			if !yield(bits.TrailingZeros32(m)) {
				return
			}
		}
	}
}
