package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"bnas.example/internal/subprocess"
)

// Workers are processes that compute the cells of a study, several at a time. Each cell has a process of its own.
type Workers struct {
	N int
	// Command starts the process of a cell, at one of so many places at which a process works. It calls Serve.
	Command func(cell string, place, places int) *exec.Cmd
}

// Tries is how often a cell is begun whose process ends too early, until it has failed.
const Tries = 5

// grace is how long the process of a cell may save after an interruption.
const grace = time.Minute

// said is what a process of a cell tells the study: a line of JSON on its standard output.
type said struct {
	Progress *Progress `json:",omitempty"`
	Error    string    `json:",omitempty"` // the cell cannot be computed
}

// Serve is the process of a cell. Its standard input ends with the study, and so does the context that it gives to compute. Progress goes
// to the standard output; so does an error, unless it is an interruption.
func Serve(ctx context.Context, in io.Reader, out io.Writer, compute func(context.Context, func(Progress)) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		io.Copy(io.Discard, in)
		cancel()
	}()
	line := json.NewEncoder(out)
	err := compute(ctx, func(p Progress) { line.Encode(said{Progress: &p}) })
	if err != nil && !errors.Is(err, ErrInterrupted) {
		line.Encode(said{Error: err.Error()})
	}
	return err
}

// crew computes cells in other processes.
type crew struct {
	*work
	results *Results
	end     context.CancelCauseFunc
	next    chan int // cells that nobody has begun

	mu       sync.Mutex
	complete int
}

// together computes cells in the processes of the workers. The first cell that fails ends the others, which keep what they have.
func (w *work) together(ctx context.Context, open []int, r *Results) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	c := &crew{work: w, results: r, end: end, next: make(chan int, len(open)), complete: len(w.cells) - len(open)}
	for _, i := range open {
		c.next <- i
	}
	close(c.next)
	var all sync.WaitGroup
	places := min(w.Workers.N, len(open))
	for place := range places {
		all.Go(func() {
			for i := range c.next {
				if ctx.Err() != nil {
					return
				}
				if err := c.cell(ctx, i, place, places); err != nil {
					end(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// cell computes a cell at a place. It begins again a cell whose process has ended too early.
func (c *crew) cell(ctx context.Context, i, place, places int) error {
	cell := c.cells[i]
	var last error
	for range Tries {
		if last = c.once(ctx, i, c.Workers.Command(cell.Name, place, places)); ctx.Err() != nil {
			return ctx.Err()
		}
		var failed *failedError
		if errors.As(last, &failed) {
			return failed
		}
		k, ok, err := readResult(folder(c.Dir, cell))
		if err == nil {
			err = compare(folder(c.Dir, cell), c.texts[i])
		}
		if err != nil {
			return c.wrong(cell, err)
		}
		if ok {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.results.kept[cell.Name] = k
			c.complete++
			c.tell(Progress{Cell: cell.Name, At: i + 1, Cells: len(c.cells)})
			return nil
		}
	}
	return c.wrong(cell, fmt.Errorf("its process ended %d times before the result; the last one: %w", Tries, last))
}

// failedError is the error of a cell, as its process tells it.
type failedError struct{ text string }

func (e *failedError) Error() string { return e.text }

// once runs a process of a cell and passes on its progress.
func (c *crew) once(ctx context.Context, i int, process *exec.Cmd) error {
	var failed error
	err := subprocess.Run(ctx, process, grace, func(_ io.WriteCloser, out io.Reader) {
		lines := json.NewDecoder(out)
		for {
			var s said
			if lines.Decode(&s) != nil {
				break
			}
			if s.Error != "" {
				failed = &failedError{s.Error}
			}
			if s.Progress != nil {
				c.mu.Lock()
				c.tell(*s.Progress)
				c.mu.Unlock()
			}
		}
		io.Copy(io.Discard, out)
	})
	if failed != nil {
		return failed
	}
	if err == nil {
		err = errors.New("without an error")
	}
	return err
}

// tell shows progress. c.mu is locked.
func (c *crew) tell(p Progress) {
	if p.Complete = c.complete; c.Progress != nil {
		c.Progress(p)
	}
}
