package schedule

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestBatch: the threads that are there, those that come and the processes of this one have the scheduling of batch work.
func TestBatch(t *testing.T) {
	if own, err := unix.SchedGetAttr(0, 0); err != nil || own.Policy != unix.SCHED_NORMAL {
		t.Skip("the tests have a scheduling of their own")
	}
	there := make(chan struct{})
	before := inThread(there)
	there <- struct{}{} // it has a thread
	Batch()
	close(there)
	if got := <-before; got != unix.SCHED_BATCH {
		t.Errorf("a thread from before: policy %d", got)
	}
	after := make(chan struct{})
	close(after)
	if got := <-inThread(after); got != unix.SCHED_BATCH {
		t.Errorf("a thread from after: policy %d", got)
	}
	out, err := exec.Command("cat", "/proc/self/sched").Output()
	if err != nil {
		t.Skip("no /proc/self/sched")
	}
	for line := range strings.Lines(string(out)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "policy" && strings.TrimSpace(value) != "3" {
			t.Errorf("a process: policy %s", value)
		}
	}
}

// inThread is the scheduling that a thread of its own has once ready is closed.
func inThread(ready <-chan struct{}) <-chan uint32 {
	policy := make(chan uint32)
	go func() {
		runtime.LockOSThread() // it is not unlocked: the thread ends with the goroutine
		for range ready {
		}
		attr, err := unix.SchedGetAttr(0, 0)
		if err != nil {
			attr = &unix.SchedAttr{Policy: unix.SCHED_NORMAL}
		}
		policy <- attr.Policy
	}()
	return policy
}
