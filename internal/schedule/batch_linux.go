package schedule

import (
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// slice is how long a thread may compute before another one that waits has its turn, where there are more threads than cores. Linux has
// it from 6.12 on; earlier ones decide alone.
const slice = 100 * time.Millisecond

// Batch gives every thread of this process the scheduling of batch work (SCHED_BATCH, sched(7)), and with it those that they start and
// the processes that they start: a thread that wakes up does not take the core from one that computes. The runtime of Go wakes a thread
// every few microseconds while C computes, and each of these wakes would cost a computing thread its caches. A thread that has another
// scheduling than the usual one keeps it, and a kernel that refuses changes nothing.
func Batch() {
	for changed := true; changed; {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return
		}
		changed = false
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err == nil && batch(id) {
				changed = true // it may have started a thread that is not in the list
			}
		}
	}
}

// batch gives a thread the scheduling of batch work, and reports whether it had another one.
func batch(thread int) bool {
	attr, err := unix.SchedGetAttr(thread, 0)
	if err != nil || attr.Policy != unix.SCHED_NORMAL {
		return false
	}
	attr.Policy, attr.Runtime = unix.SCHED_BATCH, uint64(slice.Nanoseconds())
	return unix.SchedSetAttr(thread, attr, 0) == nil
}
