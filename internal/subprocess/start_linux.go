package subprocess

import (
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// slice is how long a thread may compute before another one that waits has its turn, where there are more threads than cores. Linux has
// it from 6.12 on; earlier ones decide alone.
const slice = 20 * time.Millisecond

// start starts a process with the scheduling of batch work (SCHED_BATCH, sched(7)): a thread that wakes up does not take the core from
// one that computes. The runtime of Go wakes a thread every few microseconds while C computes, and each of these wakes would cost a
// computing thread its caches. A kernel that refuses changes nothing.
func start(c *exec.Cmd) error {
	runtime.LockOSThread() // a process inherits the scheduling of the thread that starts it
	defer runtime.UnlockOSThread()
	own, err := unix.SchedGetAttr(0, 0)
	if err != nil || own.Policy != unix.SCHED_NORMAL {
		return c.Start()
	}
	batch := *own
	batch.Policy, batch.Runtime = unix.SCHED_BATCH, uint64(slice.Nanoseconds())
	if unix.SchedSetAttr(0, &batch, 0) == nil {
		defer unix.SchedSetAttr(0, own, 0)
	}
	return c.Start()
}
