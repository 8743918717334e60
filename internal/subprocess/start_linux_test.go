package subprocess

import (
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestBatch: a process has the scheduling of batch work, and the thread that has started it has not.
func TestBatch(t *testing.T) {
	own, err := unix.SchedGetAttr(0, 0)
	if err != nil || own.Policy != unix.SCHED_NORMAL {
		t.Skip("the tests have a scheduling of their own")
	}
	var got []byte
	err = Run(t.Context(), exec.Command("cat", "/proc/self/sched"), time.Second, func(_ io.WriteCloser, out io.Reader) { got, _ = io.ReadAll(out) })
	if err != nil {
		t.Skip("no /proc/self/sched")
	}
	policy := ""
	for line := range strings.Lines(string(got)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "policy" {
			policy = strings.TrimSpace(value)
		}
	}
	if policy != "3" { // SCHED_BATCH
		t.Errorf("policy %q", policy)
	}
	if after, err := unix.SchedGetAttr(0, 0); err != nil || after.Policy != unix.SCHED_NORMAL {
		t.Errorf("the thread has policy %v now: %v", after, err)
	}
}
