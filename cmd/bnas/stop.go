package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"github.com/urfave/cli/v2"
)

// keeper knows whether a command has work that it saves when it is interrupted. A command without such work is abandoned
// at once: it may be in a loop or in a read that does not end.
type keeper struct {
	mu        sync.Mutex
	keeps     bool
	serves    bool // until a signal, which is its end: there is nothing to save
	abandoned bool
}

// keep is called before work that is saved. From then on, the work must end soon after its context has ended. If
// the command is already abandoned, the error is context.Canceled.
func (k *keeper) keep() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.abandoned {
		return context.Canceled
	}
	k.keeps = true
	return nil
}

// abandon reports whether nothing is to be saved; the command then cannot begin to keep.
func (k *keeper) abandon() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.abandoned = !k.keeps
	return k.abandoned
}

// keeping marks the start of work that a command saves when it is interrupted.
func keeping(c *cli.Context) error { return c.App.Metadata[keeperKey].(*keeper).keep() }

// serving marks the start of work that a signal ends, as it should.
func serving(c *cli.Context) error {
	c.App.Metadata[keeperKey].(*keeper).serves = true
	return keeping(c)
}

const keeperKey = "keeper"

// interrupted means that the work was stopped and a command can resume it.
type interrupted struct {
	cause error
	goOn  string
}

func (e interrupted) Error() string { return e.cause.Error() + "; to go on: " + e.goOn }
func (e interrupted) Unwrap() error { return e.cause }

// errLost is the error of a command that was interrupted and saved nothing.
var errLost = errors.New("interrupted; what this command did is lost, run it again")

// attend runs work until it ends, or until the context ends while there is nothing to save.
func attend(ctx context.Context, k *keeper, work func() error) error {
	done := make(chan error, 1)
	go func() { done <- work() }()
	select {
	case err := <-done:
		var goOn interrupted
		if errors.Is(err, context.Canceled) && !errors.As(err, &goOn) {
			return errLost
		}
		return err
	case <-ctx.Done():
	}
	if k.abandon() {
		return errLost
	}
	return <-done
}

// interruptible returns a context that SIGINT, SIGTERM and SIGHUP cancel. A second signal ends the process at once. A signal that
// the time is nearly over (timeSignals) cancels it too; it may come more than once, and ends nothing at once.
func interruptible(stderr io.Writer, k *keeper) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signal.Notify(signals, syscall.SIGHUP)
	}
	if len(timeSignals) > 0 { // none would be all
		signal.Notify(signals, timeSignals...)
	}
	go func() {
		for stopping := false; ; stopping = true {
			s, ok := <-signals
			switch {
			case !ok:
				return
			case !stopping:
				if !k.abandon() && !k.serves {
					fmt.Fprintln(stderr, "bnas: stopping and saving; once more to end at once")
				}
				cancel()
			case !slices.Contains(timeSignals, s):
				os.Exit(exitKilled)
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); close(signals); cancel() }
}

// beforeWork is called when the settings of a command are known to be right, before the first image, device or folder is
// opened. A test replaces it, to check command lines without their work.
var beforeWork = func() error { return nil }
