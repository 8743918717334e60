// Package subprocess runs processes that end with the one that starts them.
package subprocess

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Run runs a process to its end. speak has its standard input and output, and returns when the output ends. When the context ends, the
// input is closed, at which the process should end; it is killed if it has not for as long as grace. err says how it ended, with the
// last line of its standard error; nil: without an error.
func Run(ctx context.Context, c *exec.Cmd, grace time.Duration, speak func(in io.WriteCloser, out io.Reader)) error {
	var log tail
	c.Stderr = &log
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		in.Close()
		select {
		case <-over:
		case <-time.After(grace):
			c.Process.Kill()
		}
	})
	speak(in, out)
	err = c.Wait()
	close(over)
	stop()
	if line := log.last(); err != nil && line != "" {
		err = fmt.Errorf("%s (%w)", line, err)
	}
	return err
}

// Killed reports whether an error of Run is of a process that a signal has ended.
func Killed(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() < 0
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailLength = 4096

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-tailLength):]
	return len(b), nil
}

// last is the last line.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := bytes.TrimSpace(t.text)
	return strings.TrimPrefix(string(text[bytes.LastIndexByte(text, '\n')+1:]), "bnas: ")
}
