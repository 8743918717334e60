package subprocess

import (
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

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
	batch.Policy = unix.SCHED_BATCH
	if unix.SchedSetAttr(0, &batch, 0) == nil {
		defer unix.SchedSetAttr(0, own, 0)
	}
	return c.Start()
}
