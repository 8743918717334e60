package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"time"

	"bnas.example/internal/subprocess"
)

// local are worker processes on this machine. Each speaks with the coordinator over its standard input and output: no socket
// listens. With a server that is there already, it speaks with that, and its standard input names the session (Tether). A worker ends
// with its coordinator, however that ends.
type local struct {
	coordinator *Coordinator
	server      *Server // of this process; nil: there is another one
	command     func(place int) *exec.Cmd
	cancel      context.CancelFunc
	done        sync.WaitGroup
}

// barren is how many workers may end, one after the other, without that any architecture was scored or given up.
const barren = 2 * Tries

// startLocal starts n workers and replaces those that end.
func startLocal(s *Server, c *Coordinator, n int, command func(place int) *exec.Cmd) *local {
	ctx, cancel := context.WithCancel(context.Background())
	l := &local{coordinator: c, server: s, command: command, cancel: cancel}
	for place := range n {
		l.done.Go(func() { l.keep(ctx, place) })
	}
	return l
}

// keep runs one worker after the other at a place until the context ends.
func (l *local) keep(ctx context.Context, place int) {
	ended, before := 0, 0
	for ctx.Err() == nil {
		process, err := l.one(ctx, place)
		if ctx.Err() != nil {
			return
		}
		if !l.coordinator.has(process) && !subprocess.Killed(err) {
			l.coordinator.breakOff(fmt.Errorf("a worker did not start: %w", err))
			return
		}
		if now := l.coordinator.settled(); now != before {
			ended, before = 0, now
		}
		if ended++; ended >= barren {
			l.coordinator.breakOff(fmt.Errorf("the workers end before they have scored anything: %w", err))
			return
		}
	}
}

// one runs one worker to its end. err says how it ended.
func (l *local) one(ctx context.Context, place int) (process int, err error) {
	c := l.command(place)
	speak := func(in io.WriteCloser, out io.Reader) {
		fmt.Fprintln(in, l.coordinator.session)
		io.Copy(io.Discard, out)
	}
	if l.server != nil {
		conn, err := l.server.InProcessConn()
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		speak = func(in io.WriteCloser, out io.Reader) {
			go func() {
				io.Copy(in, conn)
				in.Close() // the worker ends
			}()
			io.Copy(conn, out)
			conn.Close()
		}
	}
	if err = subprocess.Run(ctx, c, grace, speak); err == nil {
		err = errors.New("it ended too early")
	}
	if c.Process == nil {
		return 0, err
	}
	return c.Process.Pid, err
}

// grace is how long a worker may take to end after its coordinator.
const grace = 5 * time.Second

// close ends the workers.
func (l *local) close() {
	l.cancel()
	l.done.Wait()
}

// Tether reads, from the standard input of a worker that a coordinator has started beside another server, the session to work for. The
// context ends when the input does: the coordinator has ended.
func Tether(ctx context.Context, in io.Reader) (context.Context, string, error) {
	r := bufio.NewReader(in)
	session, err := r.ReadString('\n')
	if err != nil {
		return nil, "", errors.New("the standard input does not name the session: bnas search --nats --workers starts such a worker")
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		io.Copy(io.Discard, r)
		cancel()
	}()
	return ctx, strings.TrimSpace(session), nil
}

// Pipes is the connection of a worker over its standard input and output.
func Pipes(in io.ReadCloser, out io.WriteCloser) net.Conn { return pipes{in, out} }

type pipes struct {
	io.ReadCloser
	out io.WriteCloser
}

func (p pipes) Write(b []byte) (int, error)      { return p.out.Write(b) }
func (p pipes) Close() error                     { return errors.Join(p.ReadCloser.Close(), p.out.Close()) }
func (p pipes) LocalAddr() net.Addr              { return pipeAddress{} }
func (p pipes) RemoteAddr() net.Addr             { return pipeAddress{} }
func (p pipes) SetDeadline(time.Time) error      { return nil }
func (p pipes) SetReadDeadline(time.Time) error  { return nil }
func (p pipes) SetWriteDeadline(time.Time) error { return nil }

type pipeAddress struct{}

func (pipeAddress) Network() string { return "pipe" }
func (pipeAddress) String() string  { return "standard input and output" }
