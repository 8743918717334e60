package cuda

import (
	"testing"

	"bnas.example/kernels"
)

// A block of every shape fits every GPU with tensor cores, and its warps have all rows and columns.
func TestMMATilings(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {2, 2}, {3, 3}, {7, 7}, {8, 8}, {16, 16}, {17, 17}, {28, 28}, {32, 32}, {56, 56}, {12, 16}, {10, 32}, {24, 48}, {5, 64}} {
		for _, channels := range []int{1, 3, 16, 24, 32, 64, 100, 128} {
			for _, g := range [][4]int{{1, 1, 0, 1}, {1, 2, -1, 1}, {3, 1, 1, 1}, {3, 2, 1, 1}, {3, 1, 2, 2}, {5, 1, 2, 1}, {5, 1, 4, 2}, {7, 2, 3, 1}, {7, 1, 6, 2}, {4, 4, 0, 1}, {8, 8, 0, 1}} {
				for _, bytes := range []int{2, 4} {
					for _, siblings := range []int{1, 3} {
						w := kernels.Window{Kernel: g[0], Stride: g[1], Pad: g[2], Dilation: g[3]}
						in, out := kernels.Shape{C: channels, H: size[0], W: size[1]}, kernels.Shape{C: channels, H: (size[0]-1)/w.Stride + 1, W: (size[1]-1)/w.Stride + 1}
						pitch := pitchOf(channels)
						checkMMA(t, mmaTiling(in, out, w, siblings*pitch, pitch, bytes, false), siblings*pitch, 1, mmaWarpForward)
						checkMMA(t, mmaTiling(in, out, w, pitch, siblings*pitch, bytes, true), pitch, w.Stride, mmaWarpGradient)
						if t.Failed() {
							t.Fatalf("%+v, %+v, %d siblings, operands of %d bytes", in, w, siblings, bytes)
						}
					}
				}
			}
		}
	}
}

func checkMMA(t *testing.T, c tiling, columns, phases, across int) {
	t.Helper()
	tall, wide := (c.tileH+phases-1)/phases, (c.tileW+phases-1)/phases
	pixels := (tall*wide + 15) / 16 * 16 * min(phases, c.tileH) * min(phases, c.tileW)
	split, warpPixels := 1, mmaWarpPixels
	if c.channelTile > across {
		split = 2
	}
	if phases == 1 && c.tileH*c.tileW > c.threads { // as the kernel tells
		warpPixels = mmaTall * mmaRowPixels
		if c.channelTile > mmaNarrow || c.tileW != mmaRowPixels || c.tileH%mmaTall != 0 {
			t.Errorf("%+v: a warp's pixels are not whole rows of 16", c)
		}
	}
	switch {
	case c.tileH < 1 || c.tileW < 1 || c.channelTile < 8 || c.channelTile%8 != 0 || c.channelTile > columns || c.channelTile > 2*across:
		t.Errorf("%+v is no tiling", c)
	case c.shared > 99<<10-64:
		t.Errorf("%+v does not fit the shared memory of a block", c)
	case c.threads%32 != 0 || c.threads > 256 || c.threads < c.channelTile || c.threads/32/split*warpPixels < pixels:
		t.Errorf("%+v has the wrong threads for %d rows", c, pixels)
	}
}

// The shapes that matter are cut as the table says, within 48 KiB.
func TestTypicalMMATilings(t *testing.T) {
	three, one := kernels.Window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1}, kernels.Window{Kernel: 1, Stride: 1, Dilation: 1}
	for _, c := range []struct {
		window                             kernels.Window
		size, columns, depth               int
		gradient                           bool
		tileH, tileW, channelTile, threads int
		blocks100, blocks164, operands     int // of 128 registers a thread in an SM with 100 and 164 KiB
	}{
		{three, 32, 48, 16, false, 8, 16, 48, 128, 3, 4, 4},
		{three, 32, 16, 16, false, 16, 16, 16, 128, 3, 4, 2},
		{three, 32, 16, 48, true, 16, 16, 16, 128, 2, 4, 2},
		{three, 24, 16, 16, false, 8, 12, 16, 96, 5, 5, 2},
		{three, 16, 96, 32, false, 8, 8, 96, 128, 2, 3, 4},
		{three, 16, 32, 96, true, 8, 16, 32, 128, 2, 4, 4},
		{three, 8, 192, 64, false, 8, 8, 96, 128, 2, 3, 4},
		{three, 8, 64, 192, true, 8, 8, 64, 128, 2, 4, 4},
		{one, 32, 48, 16, false, 8, 16, 48, 128, 3, 4, 4},
		{one, 8, 64, 64, true, 8, 8, 64, 128, 3, 4, 4},
		{three, 16, 96, 32, false, 8, 8, 96, 128, 2, 4, 2},
	} {
		s := kernels.Shape{C: 1, H: c.size, W: c.size}
		got := mmaTiling(s, s, c.window, c.columns, c.depth, c.operands, c.gradient)
		if got.tileH != c.tileH || got.tileW != c.tileW || got.channelTile != c.channelTile || got.threads != c.threads || got.shared > maxShared {
			t.Errorf("%+v: %+v", c, got)
		}
		for sm, want := range map[int]int{100 << 10: c.blocks100, 164 << 10: c.blocks164} {
			if blocks := min(sm/(got.shared+1<<10), 65536/(128*got.threads)); blocks != want {
				t.Errorf("%+v: %+v, %d blocks in an SM of %d KiB", c, got, blocks, sm>>10)
			}
		}
	}
}
