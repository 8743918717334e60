package cuda

import (
	"fmt"
	"strings"
	"testing"

	"bnas.example/kernels/gpu"
)

func TestPlainTiling(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 40}, {40, 1}, {2, 3}, {7, 7}, {8, 8}, {32, 32}, {33, 17}, {224, 224}} {
		for _, columns := range []int{8, 16, 40, 64, 72, 136, 1000} {
			for _, gradient := range []bool{false, true} {
				c := plainTiling(size[0], size[1], columns, gradient)
				what := fmt.Sprintf("plainTiling(%d, %d, %d, %v) = %+v", size[0], size[1], columns, gradient, c)
				scratch := map[bool]int{false: 32, true: 64}[gradient] * c.threads
				channelTiles := (columns + c.channelTile - 1) / c.channelTile
				switch {
				case c.tileH < 1 || c.tileW < 1 || c.tileH > size[0] || c.tileW > size[1] || c.tileH*c.tileW*max(16, c.channelTile) > 64*64:
					t.Errorf("%s: the tile", what)
				case c.channelTile%8 != 0 || c.channelTile > 64 || c.channelTile > c.threads:
					t.Errorf("%s: the channel tile", what)
				case channelTiles*c.channelTile-columns >= 8*channelTiles:
					t.Errorf("%s: channel tiles %d columns wider than the map", what, channelTiles*c.channelTile-columns)
				case c.shared != 4*c.tileH*c.tileW*(c.channelTile+4)+scratch || c.shared-scratch+poolScratch*c.threads > 48<<10:
					t.Errorf("%s: the shared memory", what)
				}
			}
		}
	}
}

// The scratch is what the kernels say.
func TestPlainScratch(t *testing.T) {
	for file, define := range map[string]string{
		"store.cuh":          fmt.Sprintf("#define STORE_SCRATCH(threads) ((threads) * %d)", storeScratch),
		"pool.cu":            fmt.Sprintf("#define POOL_SCRATCH(threads) ((threads) * %d)", poolScratch),
		"store_gradient.cuh": fmt.Sprintf("#define GRADIENT_SCRATCH(threads) ((threads) * %d)", gradientScratch),
	} {
		source, err := gpu.Sources.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(source), define) {
			t.Errorf("%s has no %q", file, define)
		}
	}
}
