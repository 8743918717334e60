package kernels

import (
	"errors"
	"fmt"
)

// guardedExec checks the calls of a Backend's Exec. It remembers the facts of earlier calls that the checks need.
type guardedExec struct {
	guard *guard
	exec  Exec
	p     *Program
	most  int // the largest batch, in images

	n, statRows int  // of the last Forward; n is 0 if its results are gone
	factored    int  // images whose factors are set; 0: all factors are 1
	known       bool // there are statistics
	scored      bool // CrossEntropy has run since the last Forward
	seeded      bool // there is a gradient of the logits
	released    bool
}

func (e *guardedExec) Program() *Program { return e.p }

func (e *guardedExec) SavedBytes(n int) int64 { return e.exec.SavedBytes(n) }

// wrap adds the names of the device, the program and the call to an error. It returns nil for nil.
func (e *guardedExec) wrap(call string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: program %q: %s: %w", e.guard.name, e.p.Name, call, err)
}

// ready returns an error if the results of this Exec's Forward are missing or overwritten.
func (e *guardedExec) ready() error {
	switch {
	case e.gone() != nil:
		return e.gone()
	case e.n == 0:
		return errors.New("needs a Forward first")
	case e.guard.owner != e:
		return errors.New("needs a Forward first: another Exec of the device has run since")
	}
	return nil
}

func checkLength(which string, got, want int) error {
	if got != want {
		return fmt.Errorf("%s: %d elements, must be %d", which, got, want)
	}
	return nil
}
