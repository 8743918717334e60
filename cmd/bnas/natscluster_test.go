//go:build unix

package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsCluster are servers of a test, each a process.
type natsCluster struct {
	url     string
	servers map[string]*exec.Cmd // by name
	conn    *nats.Conn
	js      jetstream.JetStream
}

// startCluster starts n servers that know each other.
func startCluster(t *testing.T, n int) *natsCluster {
	t.Helper()
	ports := freePorts(t, 2*n)
	k := &natsCluster{servers: map[string]*exec.Cmd{}}
	var urls []string
	for i := range n {
		name := fmt.Sprint("node", i)
		args := []string{name, t.TempDir(), ports[i]}
		if n > 1 {
			args = append(append(args, ports[n+i]), ports[n:]...)
		}
		c := exec.Command("natsServer", args...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Process.Kill(); c.Wait() })
		k.servers[name] = c
		urls = append(urls, "nats://127.0.0.1:"+ports[i])
	}
	k.url = strings.Join(urls, ",")
	awaits(t, "the servers did not start", func() bool {
		var err error
		if k.conn == nil {
			if k.conn, err = nats.Connect(k.url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond)); err != nil {
				return false
			}
			k.js, err = jetstream.New(k.conn, jetstream.WithDefaultTimeout(time.Second))
		}
		if err == nil { // its leader is there, and knows n servers
			_, err = k.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "TEST", Storage: jetstream.MemoryStorage, Replicas: n})
		}
		return err == nil && k.js.DeleteStream(t.Context(), "TEST") == nil
	})
	t.Cleanup(k.conn.Close)
	return k
}

// freePorts returns ports on which nobody listens.
func freePorts(t *testing.T, n int) (ports []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports = append(ports, port)
	}
	return ports
}

// awaits waits until a condition holds.
func awaits(t *testing.T, otherwise string, holds func() bool) {
	t.Helper()
	for range 600 {
		if holds() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal(otherwise)
}

// queue returns the stream of jobs of the coordinator.
func (k *natsCluster) queue(ctx context.Context) *jetstream.StreamInfo {
	for s := range k.js.ListStreams(ctx).Info() {
		if strings.HasPrefix(s.Config.Name, "BNAS_") {
			return s
		}
	}
	return nil
}

// searchOver starts the search of a job over the servers, with more flags, and workers.
func (k *natsCluster) searchOver(t *testing.T, j job, dir string, workers int, more ...string) (search *exec.Cmd) {
	t.Helper()
	for range workers {
		w := exec.Command("bnas", "worker", "--nats", k.url, "--threads", "1", "--quiet")
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { w.Process.Kill(); w.Wait() })
	}
	search = j.command(dir, 1)
	search.Args = append(append(search.Args, "--nats", k.url), more...)
	search.Stderr = new(strings.Builder)
	if err := search.Start(); err != nil {
		t.Fatal(err)
	}
	return search
}

// TestNATSCluster: a search over three NATS servers keeps its queue three times. The server that leads the queue is killed; the
// ledger and the result are those of one process.
func TestNATSCluster(t *testing.T) {
	if !longTests {
		t.Skip("set BNAS_LONG to run it")
	}
	j, copied, want := toDisturb(t, 1000)
	k := startCluster(t, 3)
	search := k.searchOver(t, j, copied, 2)
	var leader string
	awaits(t, "the search did not begin", func() bool {
		s := k.queue(t.Context())
		if s == nil || s.Cluster == nil || linesOf(copied) < 100 {
			return false
		}
		if leader = s.Cluster.Leader; s.Config.Replicas != 3 {
			t.Fatalf("the queue is kept %d times", s.Config.Replicas)
		}
		return leader != ""
	})
	scored := linesOf(copied)
	if err := k.servers[leader].Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	awaits(t, "no score after the kill", func() bool { return linesOf(copied) > scored+100 })
	t.Logf("%s killed at %d scores; 100 more after %.1f s", leader, scored, time.Since(killed).Seconds())
	if err := search.Wait(); err != nil {
		t.Fatalf("%v: %s", err, search.Stderr)
	}
	j.outcome(t, copied).compare(t, want)
	if s := k.queue(t.Context()); s != nil {
		t.Errorf("the search left the stream %s", s.Config.Name)
	}
}

// TestNATSServerAnew: a server that is alone keeps the queue in its memory. When it is killed and started again the search ends with one
// line; the same command goes on, with the same workers, to the result of one process.
func TestNATSServerAnew(t *testing.T) {
	if !longTests {
		t.Skip("set BNAS_LONG to run it")
	}
	j, copied, want := toDisturb(t, 300)
	k := startCluster(t, 1)
	search := k.searchOver(t, j, copied, 2)
	awaits(t, "the search did not begin", func() bool { return linesOf(copied) > 20 })
	killed := k.servers["node0"]
	killed.Process.Kill()
	killed.Wait()
	anew := exec.Command("natsServer", killed.Args[1:]...)
	if err := anew.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { anew.Process.Kill(); anew.Wait() })
	err := search.Wait()
	stderr := fmt.Sprint(search.Stderr)
	wantOneLine(t, stderr)
	if err == nil || !strings.Contains(stderr, "lost the queue") {
		t.Errorf("%v: %s", err, stderr)
	}
	if err := k.searchOver(t, j, copied, 0).Wait(); err != nil {
		t.Fatal(err)
	}
	j.outcome(t, copied).compare(t, want)
}

// TestNATSKilled: a search with a NATS server starts workers itself. It is killed: its workers end, and its queue stays on the server until
// the same command goes on, to the result of one process.
func TestNATSKilled(t *testing.T) {
	if !longTests {
		t.Skip("set BNAS_LONG to run it")
	}
	j, copied, want := toDisturb(t, 1000)
	k := startCluster(t, 1)
	search := k.searchOver(t, j, copied, 0, "--workers", "2")
	awaits(t, "the search did not begin", func() bool { return linesOf(copied) > 100 })
	workers := childrenOf(search.Process.Pid)
	search.Process.Kill()
	search.Wait()
	left := k.queue(t.Context())
	if left == nil || len(workers) != 2 {
		t.Fatalf("a killed search has left the queue %v; it had %d workers", left, len(workers))
	}
	awaits(t, "the workers of a killed search go on", func() bool {
		return !slices.ContainsFunc(workers, func(pid int) bool { return syscall.Kill(pid, 0) == nil })
	})
	search = k.searchOver(t, j, copied, 0, "--workers", "2")
	if err := search.Wait(); err != nil {
		t.Fatalf("%v: %s", err, search.Stderr)
	}
	j.outcome(t, copied).compare(t, want)
	if s := k.queue(t.Context()); s != nil {
		t.Errorf("the stream %s is left; that of the killed search was %s", s.Config.Name, left.Config.Name)
	}
}
