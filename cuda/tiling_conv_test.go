package cuda

import (
	"fmt"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
)

// Every shape class of the search spaces and odd ones: a block fits every GPU, its threads suffice for the main loop and
// the store, and what the table promises holds.
func TestConvTilings(t *testing.T) {
	for _, size := range []int{1, 2, 3, 7, 8, 16, 17, 28, 32, 56} {
		for _, channels := range []int{1, 3, 16, 24, 32, 64, 100, 128} {
			for _, g := range [][4]int{{1, 1, 0, 1}, {1, 2, -1, 1}, {3, 1, 1, 1}, {3, 2, 1, 1}, {3, 1, 2, 2}, {5, 1, 2, 1}, {5, 1, 4, 2}, {7, 2, 3, 1}, {7, 1, 6, 2}, {1, 4, 0, 1}, {3, 4, 1, 1}, {4, 4, 0, 1}, {3, 8, 1, 1}} {
				w := kernels.Window{Kernel: g[0], Stride: g[1], Pad: g[2], Dilation: g[3]}
				in := kernels.Shape{C: channels, H: size, W: size}
				side := (size-1)/w.Stride + 1
				out := kernels.Shape{C: channels, H: side, W: side}
				for _, gradient := range []bool{false, true} {
					for _, siblings := range []int{1, 3} {
						columns := siblings * pitchOf(channels)
						for name, cut := range map[string]func(in, out kernels.Shape, w kernels.Window, columns int, gradient bool) tiling{"conv_fp32": convFP32Tiling, "depthwise": depthwiseTiling, "grouped": groupedTiling} {
							c := cut(in, out, w, columns, gradient)
							what := fmt.Sprintf("%s of %d channels, %d×%d, %+v, gradient %v: %+v", name, columns, size, size, w, gradient, c)
							checkTiling(t, what, c, columns)
						}
						checkGEMM(t, in, out, w, columns, gradient)
					}
				}
				checkWeightTiling(t, in, out, w, 1)
				checkWeightTiling(t, in, out, w, channels)
			}
		}
	}
}

func checkTiling(t *testing.T, what string, c tiling, columns int) {
	t.Helper()
	switch {
	case c.tileH < 1 || c.tileW < 1 || c.channelTile < 8 || c.channelTile%8 != 0:
		t.Error(what, "is no tiling")
	case c.channelTile > pitchOf(columns):
		t.Error(what, "has a channel tile of more than all columns")
	case c.shared > 48<<10-64:
		t.Error(what, "does not fit the shared memory of a block")
	case c.threads < c.channelTile || c.threads%32 != 0 || c.threads > directThreads:
		t.Error(what, "has the wrong threads")
	}
}

// checkGEMM checks that the threads of a block have all sums, 8 columns each.
func checkGEMM(t *testing.T, in, out kernels.Shape, w kernels.Window, columns int, gradient bool) {
	t.Helper()
	c := convFP32Tiling(in, out, w, columns, gradient)
	phases := 1
	if gradient {
		phases = w.Stride
	}
	groups := phases * phases * ((c.tileW + phases - 1) / phases) * (((c.tileH+phases-1)/phases + 7) / 8)
	if c.threads > gemmThreads || groups*c.channelTile/8 > c.threads {
		t.Errorf("%d columns, %+v, gradient %v: %+v has %d groups of pixels", columns, w, gradient, c, groups)
	}
}

func checkWeightTiling(t *testing.T, in, out kernels.Shape, w kernels.Window, groups int) {
	t.Helper()
	c := weightGradientTiling(in, out, w, groups)
	switch {
	case c.shared > maxShared:
		t.Errorf("%+v, %+v: %+v does not fit the shared memory of a block", in, w, c)
	case c.tileOut*c.tileIn/16 > c.threads:
		t.Errorf("%+v, %+v: %+v has too few threads", in, w, c)
	case c.chunks < 1 || c.partial != c.chunks*out.C*(in.C/groups)*w.Kernel*w.Kernel:
		t.Errorf("%+v, %+v: %+v has the wrong room for chunks", in, w, c)
	}
}

// What a block has of shared memory, dynamic and static, is never more than a GPU gives without asking.
func TestSharedMemoryFits(t *testing.T) {
	for _, arch := range gpu.Architectures {
		usage, err := gpu.UsageOf(arch)
		if err != nil {
			t.Fatal(err)
		}
		for name, u := range usage {
			most := 0
			switch {
			case strings.HasPrefix(name, "conv_fp32"):
				most = gemmShared
			case strings.HasPrefix(name, "conv_"), strings.HasPrefix(name, "depthwise"), strings.HasPrefix(name, "grouped"):
				most = maxShared
			}
			if u.Shared+most > 48<<10 {
				t.Errorf("%s on sm_%d: %d bytes static, up to %d dynamic", name, arch, u.Shared, most)
			}
		}
	}
}

// The shapes that matter are cut as the table says.
func TestTypicalConvTilings(t *testing.T) {
	three := kernels.Window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1}
	for _, c := range []struct {
		channels, size, columns int
		gradient                bool
		want                    [4]int // tile, channel tile, threads
	}{
		{16, 32, 48, false, [4]int{8, 16, 48, 96}},
		{16, 32, 16, true, [4]int{16, 16, 16, 128}},
		{32, 16, 96, false, [4]int{8, 8, 96, 96}},
		{32, 16, 32, true, [4]int{8, 16, 32, 128}},
		{64, 8, 192, false, [4]int{8, 8, 96, 96}},
		{64, 8, 64, true, [4]int{8, 8, 64, 128}},
	} {
		s := kernels.Shape{C: c.channels, H: c.size, W: c.size}
		got := convFP32Tiling(s, s, three, c.columns, c.gradient)
		if [4]int{got.tileH, got.tileW, got.channelTile, got.threads} != c.want {
			t.Errorf("%d channels, %d×%d, %d columns, gradient %v: %+v, want %v", c.channels, c.size, c.size, c.columns, c.gradient, got, c.want)
		}
	}
}
