//go:build unix

package subprocess

import (
	"context"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestRun: a process ends when its input does, and is killed if it does not. Its error has the last line of its standard error.
func TestRun(t *testing.T) {
	for _, c := range []struct {
		name, script string
		stops        bool // the context ends
		says         string
		killed       bool
	}{
		{"well", "echo hello", false, "", false},
		{"error", "echo one >&2; echo 'bnas: two' >&2; exit 3", false, "two (exit status 3)", false},
		{"killed", "kill -9 $$", false, "signal: killed", true},
		{"input ends", "read line; exit 4", true, "exit status 4", false},
		{"deaf", "exec sleep 100", true, "signal: killed", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.stops {
				time.AfterFunc(20*time.Millisecond, cancel)
			}
			err := Run(ctx, exec.Command("sh", "-c", c.script), 50*time.Millisecond, func(_ io.WriteCloser, out io.Reader) { io.Copy(io.Discard, out) })
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != c.says || Killed(err) != c.killed {
				t.Errorf("%q, killed %v; want %q, %v", text, Killed(err), c.says, c.killed)
			}
		})
	}
}

// TestSpeak: the output of the process comes to speak, and what that writes is its input.
func TestSpeak(t *testing.T) {
	var got []byte
	err := Run(t.Context(), exec.Command("cat"), time.Second, func(in io.WriteCloser, out io.Reader) {
		io.WriteString(in, "hello")
		in.Close()
		got, _ = io.ReadAll(out)
	})
	if err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestLastLine: of a long standard error the last line is kept.
func TestLastLine(t *testing.T) {
	var log tail
	io.WriteString(&log, strings.Repeat("x\n", 3*tailLength))
	io.WriteString(&log, "bnas: the end\n\n")
	if got := log.last(); got != "the end" || len(log.text) > tailLength {
		t.Errorf("%q, %d bytes kept", got, len(log.text))
	}
}
