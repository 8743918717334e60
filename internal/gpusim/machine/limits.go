//go:build cgo && linux && gpusim

package machine

import "fmt"

// Limits of a launch, as of sm_80.
const (
	MaxThreads = 1024 // of a block
	MaxShared  = 163 << 10
	maxGridX   = 1<<31 - 1
	maxGridYZ  = 65535
	maxBlockZ  = 64
)

func checkLaunch(kernel string, grid, block [3]int, shared int) error {
	limits := [3]int{maxGridX, maxGridYZ, maxGridYZ}
	blocks := 1
	for i, n := range grid {
		if n < 1 || n > limits[i] {
			return fmt.Errorf("launch %s: a grid of %v blocks", kernel, grid)
		}
		blocks *= n
		if blocks > maxGridX {
			return fmt.Errorf("launch %s: a grid of %v blocks is more than is emulated", kernel, grid)
		}
	}
	threads := block[0] * block[1] * block[2]
	if block[0] < 1 || block[1] < 1 || block[2] < 1 || block[2] > maxBlockZ || threads > MaxThreads {
		return fmt.Errorf("launch %s: a block of %v threads", kernel, block)
	}
	if shared < 0 || shared > MaxShared {
		return fmt.Errorf("launch %s: %d bytes of shared memory, %d at most", kernel, shared, MaxShared)
	}
	return nil
}
