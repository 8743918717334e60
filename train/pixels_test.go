//go:build cgo && linux && gpusim

package train

import (
	"testing"

	"bnas.example/cuda"
	"bnas.example/internal/gpusim/emulated"
	"bnas.example/kernels"
)

// images hides that a device takes pixels.
type images struct{ kernels.Device }

// A GPU that makes the images of a training from bytes, and reads figures late, leaves the bits that it leaves with images, also
// when it is interrupted.
func TestTrainingOnPixels(t *testing.T) {
	for name, cfg := range queueConfigs() {
		t.Run(name, func(t *testing.T) {
			cfg.Steps, cfg.RankEvery = 4, 0
			open := func() kernels.Device {
				g, err := emulated.New(emulated.Options{Threads: 2})
				if err != nil {
					t.Fatal(err)
				}
				d, err := cuda.New(g, cuda.Options{})
				if err != nil {
					t.Fatal(err)
				}
				if !kernels.TakesPixels(d) {
					t.Fatal("a GPU takes no pixels")
				}
				return d
			}
			want := trained(t, func() kernels.Device { return images{open()} }, cfg, false)
			for _, interrupt := range []bool{false, true} {
				if got := trained(t, open, cfg, interrupt); got != want {
					t.Errorf("interrupted %v: the run leaves\n%.2000s\nwant\n%.2000s", interrupt, got, want)
				}
			}
		})
	}
}
