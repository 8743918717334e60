// Package machine is the emulated GPU: memory, blocks and threads on the host, for kernels that were compiled with
// emulate.h. A block's threads are fibers on one thread of the host; blocks are spread over several.
//
// Every load and store of a kernel passes through hooks, which find what a GPU would not tell: accesses outside of a
// buffer, reads of what was never written, data races, barriers that not all threads reach. A fault ends the launch with
// an error; as with a CUDA context, every later call of the Machine fails with it.
package machine

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
