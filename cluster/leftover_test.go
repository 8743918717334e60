package cluster

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"bnas.example/run"
)

// sharedServer starts a server that goes on after its coordinators, and returns its URL.
func sharedServer(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(start) {
		t.Fatal("the server did not start")
	}
	return s.ClientURL()
}

// coordinatorAt opens a coordinator of a folder on a shared server.
func coordinatorAt(t *testing.T, where, dir string) *Coordinator {
	t.Helper()
	l, err := Connect(where)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	c, err := Open(l, run.Share{Files: map[string][]byte{run.ConfigName: []byte("seed: 3\n")}, Dir: dir}, Options{Version: testVersion})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// kill ends a coordinator as a kill of its process does.
func kill(c *Coordinator) {
	c.stop()
	c.link.conn.Close()
}

// streams lists the streams on the server of a coordinator.
func streams(t *testing.T, c *Coordinator) (all []string) {
	t.Helper()
	for name := range c.link.js.StreamNames(t.Context()).Name() {
		all = append(all, name)
	}
	return all
}

// TestLeftover: what a killed coordinator has left is removed by the next one of the same folder at once, by another one later, and the
// files by the server.
func TestLeftover(t *testing.T) {
	where, first, second := sharedServer(t), t.TempDir(), t.TempDir()
	killed := coordinatorAt(t, where, first)
	living := coordinatorAt(t, where, second)
	kill(killed)
	if n := len(streams(t, living)); n != 4 {
		t.Fatalf("%d streams of two coordinators", n)
	}
	status, err := living.files.Status(t.Context())
	if err != nil || status.TTL() != unused {
		t.Errorf("the files for the workers stay for %v: %v", status.TTL(), err)
	}
	again := coordinatorAt(t, where, first)
	if left := strings.Join(streams(t, living), " "); strings.Contains(left, string(killed.session)) || len(streams(t, living)) != 4 {
		t.Errorf("the next coordinator has left %s", left)
	}
	kill(again)
	now := time.Now()
	k := &caretaker{Coordinator: living, put: now}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 4}, {abandoned, 4}, {abandoned + time.Second, 2}} {
		k.look(t.Context(), now.Add(step.after))
		if n := len(streams(t, living)); n != step.want {
			t.Errorf("%d streams after %v, want %d", n, step.after, step.want)
		}
	}
	before, err := living.files.GetInfo(t.Context(), run.ConfigName)
	if err != nil {
		t.Fatal(err)
	}
	k.look(t.Context(), now.Add(unused/2))
	if after, err := living.files.GetInfo(t.Context(), run.ConfigName); err != nil || after.NUID == before.NUID {
		t.Errorf("the files for the workers are not put again: %v", err)
	}
	living.Close()
	if _, err := os.Stat(filepath.Join(second, SessionName)); err == nil {
		t.Error("a coordinator that has ended leaves its note")
	}
}

// TestSpoiledNote: a note that names no session stops no coordinator, and is replaced.
func TestSpoiledNote(t *testing.T) {
	where, dir := sharedServer(t), t.TempDir()
	path := filepath.Join(dir, SessionName)
	for _, note := range []string{"", "no session\n", "0123456789abcdef\n"} {
		if err := os.WriteFile(path, []byte(note), 0o666); err != nil {
			t.Fatal(err)
		}
		c := coordinatorAt(t, where, dir)
		if noted, err := os.ReadFile(path); err != nil || session(noted) != c.session {
			t.Errorf("%q became %q: %v", note, noted, err)
		}
		c.Close()
	}
}

// TestAwait: a worker waits for a server that is not there yet, with one line; it does not wait for one that refuses it, nor when it is
// ended.
func TestAwait(t *testing.T) {
	free, err := Serve("127.0.0.1:0", NewToken())
	if err != nil {
		t.Fatal(err)
	}
	token, address := NewToken(), free.Address()
	free.Close()
	var log strings.Builder
	tries := 0
	connect := func() (*Link, error) {
		if tries++; tries == 2 {
			s, err := Serve(address, token)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
		}
		return Join("nats://"+address, token)
	}
	for range 2 {
		l, err := Await(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), time.Minute, connect)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	if tries != 3 || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "cannot be reached") {
		t.Errorf("%d tries: %s", tries, &log)
	}
	if _, err := Await(t.Context(), nil, time.Minute, func() (*Link, error) { return Join("nats://"+address, NewToken()) }); err == nil || !strings.Contains(err.Error(), "another token") {
		t.Errorf("another token: %v", err)
	}
	nowhere := func() (*Link, error) { return Join("nats://127.0.0.1:1", token) }
	if _, err := Await(t.Context(), nil, time.Nanosecond, nowhere); err == nil || !strings.Contains(err.Error(), "cannot be reached") || strings.Contains(err.Error(), "\n") {
		t.Errorf("nobody comes: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := Await(ctx, nil, time.Minute, nowhere); err != context.DeadlineExceeded {
		t.Errorf("ended: %v", err)
	}
}

// TestTether: a worker beside a shared server works for the session that its standard input names, and ends with it.
func TestTether(t *testing.T) {
	c := exec.Command("sh", "-c", "echo 0123456789abcdef; sleep 0.1")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, session, err := Tether(t.Context(), out)
	if err != nil || session != "0123456789abcdef" {
		t.Fatalf("%q, %v", session, err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Error("it goes on")
	}
	c.Wait()
	if _, _, err := Tether(t.Context(), strings.NewReader("")); err == nil {
		t.Error("no session is no error")
	}
}
