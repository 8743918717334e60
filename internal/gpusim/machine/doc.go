// Package machine is the emulated GPU: memory, blocks and threads on the host, for kernels that were compiled with
// emulate.h. A block's threads are fibers on one thread of the host; blocks are spread over several.
//
// Every load and store of a kernel passes through hooks, which find what a GPU would not tell: accesses outside of a
// buffer, reads of what was never written, data races, barriers that not all threads reach. A fault ends the launch with
// an error; as with a CUDA context, every later call of the Machine fails with it.
package machine

import "fmt"

// Order is the order in which blocks and threads run. The results of correct kernels do not depend on it.
type Order int

const (
	Forward Order = iota
	Backward
	Shuffled // by Options.Seed
)

// Options of a Machine.
type Options struct {
	Threads int   // of the host; 0: 1
	Check   bool  // look for faults
	Count   bool  // count the traffic to global memory
	Order   Order // of blocks and threads
	Seed    uint64
	Memory  int64 // bytes that can be allocated; 0: 4 GiB
}

// Traffic is what the threads of a launch loaded from and stored to global memory, in bytes, and how many distinct
// sectors of 32 bytes that touched: what DRAM sees if L2 keeps the data of a launch.
type Traffic struct {
	Kernel                      string
	Loads, Stores               int64
	SectorsRead, SectorsWritten int64
}

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
