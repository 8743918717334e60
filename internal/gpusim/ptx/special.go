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

	"%laneid":      {4, func(_ *warp, l int) uint64 { return uint64(l) }},
	"%warpid":      {4, func(w *warp, _ int) uint64 { return uint64(w.index) }},
	"%nwarpid":     {4, func(w *warp, _ int) uint64 { return uint64(len(w.block.warps)) }},
	"%lanemask_eq": {4, func(_ *warp, l int) uint64 { return 1 << l }},
	"%lanemask_lt": {4, func(_ *warp, l int) uint64 { return 1<<l - 1 }},
	"%lanemask_le": {4, func(_ *warp, l int) uint64 { return 2<<l - 1 }},
	"%lanemask_gt": {4, func(_ *warp, l int) uint64 { return uint64(allLanes) &^ (2<<l - 1) }},
	"%lanemask_ge": {4, func(_ *warp, l int) uint64 { return uint64(allLanes) &^ (1<<l - 1) }},

	"%dynamic_smem_size": {4, func(w *warp, _ int) uint64 { return uint64(w.block.launch.shared) }},
	"%total_smem_size":   {4, func(w *warp, _ int) uint64 { return uint64(len(w.block.shared.data)) }},

	// Read by mov alone, as the number of instructions that the warp has run.
	"%clock": {4, nil}, "%clock64": {8, nil}, "%globaltimer": {8, nil},
}

// clocks are the special registers that change as a warp runs.
var clocks = map[string]bool{"%clock": true, "%clock64": true, "%globaltimer": true}

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
