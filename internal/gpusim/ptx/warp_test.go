package ptx

import (
	"fmt"
	"testing"
)

// TestShuffles compares with CUDA's definition by segments of a width.
func TestShuffles(t *testing.T) {
	rows := make([][3]uint64, 64)
	for i := range rows {
		rows[i] = [3]uint64{uint64(100 + i), uint64(i * 7)}
	}
	for _, w := range []int{2, 8, 16, 32} {
		for _, by := range []int{0, 1, 3, 5, 16, 31} {
			for mode, from := range map[string]func(lane int) int{
				"bfly": func(lane int) int { return lane ^ by },
				"idx":  func(lane int) int { return lane/w*w + by%w },
			} {
				c := (32-w)<<8 | 31
				op := fmt.Sprintf("shfl.sync.%s.b32 %%d|%%none, %%a, %d, %d, -1;", mode, by, c)
				for i, got := range runOne(t, op, "b32", []string{"b32"}, rows) {
					lane := i % 32
					s := from(lane)
					// An xor may reach a lower segment, as __shfl_xor_sync has it.
					if s > 31 || s/w > lane/w {
						s = lane
					}
					if want := uint64(100 + i/32*32 + s); got != want {
						t.Errorf("%s: lane %d gets %d, want %d", op, lane, got, want)
						break
					}
				}
			}
		}
	}
}

func TestVotes(t *testing.T) {
	rows := make([][3]uint64, 64)
	for i := range rows {
		rows[i] = [3]uint64{uint64(i % 5), uint64(i % 3 / 2), uint64(i / 32)}
	}
	for op, f := range map[string]func(i int) uint64{
		"vote.sync.ballot.b32 %d, %b, -1;": func(i int) uint64 { return lanesWhere(i, func(j int) bool { return j%3 == 2 }) },
		// Halves of the warp come to different collectives, each for itself.
		"{ .reg .pred %r; mov.u32 %d, %tid.x; and.b32 %d, %d, 31; setp.lt.u32 %r, %d, 16; @%r bra $low;\n" +
			"vote.sync.ballot.b32 %d, %b, 0xffff0000; bra $end; $low: vote.sync.ballot.b32 %d, %b, 0xffff; $end: }": func(i int) uint64 {
			return lanesWhere(i, func(j int) bool { return j%3 == 2 && j%32/16 == i%32/16 })
		},
		// One place, two sets of lanes.
		"{ .reg .b32 %m; .reg .pred %r; mov.u32 %m, %tid.x; and.b32 %m, %m, 31; setp.lt.u32 %r, %m, 16; selp.b32 %m, 0xffff, 0xffff0000, %r; vote.sync.ballot.b32 %d, %b, %m; }": func(i int) uint64 {
			return lanesWhere(i, func(j int) bool { return j%3 == 2 && j%32/16 == i%32/16 })
		},
		// __syncwarp at two places.
		"{ .reg .pred %r; mov.u32 %d, %tid.x; and.b32 %d, %d, 31; setp.lt.u32 %r, %d, 16; @%r bra $low;\n" +
			"bar.warp.sync -1; mov.b32 %d, 5; bra $end; $low: bar.warp.sync -1; mov.b32 %d, 6; $end: }": func(i int) uint64 { return uint64(6 - i%32/16) },
	} {
		for i, got := range runOne(t, op, "b32", []string{"b32", "pred", "pred"}, rows) {
			if want := f(i); got != want {
				t.Errorf("%s: thread %d gets %#x, want %#x", op, i, got, want)
				break
			}
		}
	}
}

// lanesWhere is the mask of the lanes of thread i's warp for whose threads f holds.
func lanesWhere(i int, f func(j int) bool) uint64 {
	m := uint64(0)
	for lane := range 32 {
		if f(i/32*32 + lane) {
			m |= 1 << lane
		}
	}
	return m
}
