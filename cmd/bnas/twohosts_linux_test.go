package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"bnas.example/cluster"
	"bnas.example/run"
)

// twoHosts are network namespaces of this machine with a cable between them.
type twoHosts struct{ first, second, cable string }

const firstAddress, secondAddress = "192.0.2.1", "192.0.2.2" // for documentation: RFC 5737

func newTwoHosts(t *testing.T) twoHosts {
	t.Helper()
	h := twoHosts{fmt.Sprint("bnas-a-", os.Getpid()), fmt.Sprint("bnas-b-", os.Getpid()), fmt.Sprint("bnas", os.Getpid())}
	for i, line := range []string{
		"netns add " + h.first, "netns add " + h.second,
		"-n " + h.first + " link add " + h.cable + " type veth peer name " + h.cable + " netns " + h.second,
		"-n " + h.first + " address add " + firstAddress + "/24 dev " + h.cable, "-n " + h.second + " address add " + secondAddress + "/24 dev " + h.cable,
		"-n " + h.first + " link set " + h.cable + " up", "-n " + h.second + " link set " + h.cable + " up",
	} {
		if text, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Skipf("no network namespaces here (they need root and iproute2): ip %s: %v: %s", line, err, text)
		}
		if i < 2 {
			t.Cleanup(func() { exec.Command("ip", "netns", "delete", strings.Fields(line)[2]).Run() })
		}
	}
	return h
}

// plug cuts the cable, or joins it.
func (h twoHosts) plug(t *testing.T, state string) {
	t.Helper()
	if text, err := exec.Command("ip", "-n", h.first, "link", "set", h.cable, state).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

// start starts bnas on a host. The process ends with the test.
func (h twoHosts) start(t *testing.T, host string, arguments ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command("ip", append([]string{"netns", "exec", host, "bnas"}, arguments...)...)
	c.Stderr = new(strings.Builder)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	return c
}

// TestCutOff: a worker of another host is cut off for a minute. The search goes on without it. When it is there again it works again,
// alone for a while, and the result is that of one process.
func TestCutOff(t *testing.T) {
	if !longTests {
		t.Skip("set BNAS_LONG to run it")
	}
	t.Setenv("BNAS_TOKEN", cluster.NewToken())
	h := newTwoHosts(t)
	j, copied, want := toDisturb(t, 3000)
	more := func(n int, otherwise string) {
		t.Helper()
		begun, before := time.Now(), linesOf(copied)
		awaits(t, otherwise, func() bool { return linesOf(copied) >= before+n })
		t.Logf("%d scores after %.1f s", n, time.Since(begun).Seconds())
	}
	search := h.start(t, h.first, append(j.line(copied, 1), "--workers", "1", "--listen", firstAddress+":4222")...)
	awaitStatus(t, copied, func(s *run.Status) bool { return s != nil })
	far := h.start(t, h.second, "worker", "--join", "nats://"+firstAddress+":4222", "--threads", "1", "--quiet")
	awaitStatus(t, copied, func(s *run.Status) bool {
		return s != nil && len(s.Workers) == 2 && s.Workers[0].Scored > 0 && s.Workers[1].Scored > 0
	})
	h.plug(t, "down")
	cut := time.Now()
	more(100, "the search stands still")
	near := childrenOf(search.Process.Pid)[0]
	syscall.Kill(near, syscall.SIGSTOP)
	time.Sleep(time.Until(cut.Add(time.Minute)))
	h.plug(t, "up")
	more(100, "the worker that was cut off did not come back: "+fmt.Sprint(far.Stderr))
	syscall.Kill(near, syscall.SIGCONT)
	if err := search.Wait(); err != nil {
		t.Fatalf("%v: %s", err, search.Stderr)
	}
	j.outcome(t, copied).compare(t, want)
}
