package cuda

import (
	"errors"
	"fmt"
	"runtime"

	"bnas.example/kernels"
)

type exec struct {
	d     *Device
	p     *kernels.Program
	store *store
	plans *plans

	own     Ptr      // coefficients, moments, counters
	holding *holding // what goes back to the device's pool
	forward forwardTable
	back    map[route]*backwardTable
	graphs  map[graphKey]*graphUse

	n, statRows int // of the last Forward
	known       bool
	scored      bool // CrossEntropy has run since the last Forward
	seeded      bool // there is a gradient of the logits
}

func newExec(d *Device, p *kernels.Program, s *store, n int) (*exec, error) {
	a, err := newPlans(p, n, d.options.Storage)
	if err != nil {
		return nil, err
	}
	if need, left := a.bytes(), d.options.MemoryLimit-d.held; need > left {
		return nil, fmt.Errorf("%d images need %s of the GPU's memory, there are %s: %w", n, gib(need), gib(left), tooLarge(a, left))
	}
	if err := a.checkBlocks(d.gpu.SharedMemory); err != nil {
		return nil, err
	}
	if err := d.pool.tidy(d, false); err != nil {
		return nil, err
	}
	e := &exec{
		d: d, p: p, store: s, plans: a,
		holding: &holding{pool: &d.pool, blocks: map[Ptr]int{}},
		back:    map[route]*backwardTable{},
		graphs:  map[graphKey]*graphUse{},
	}
	runtime.AddCleanup(e, (*holding).releaseAll, e.holding)
	if e.own, err = e.holding.take(d, a.own.size); err != nil {
		return nil, err
	}
	return e, d.driver.Fill(Compute, e.own, 0, a.own.size)
}

// ErrTooLarge is wrapped by the error for a batch that does not fit in the GPU's memory.
var ErrTooLarge = errors.New("too large for the GPU's memory")

func tooLarge(a *plans, limit int64) error {
	if most := largestBatch(a.p, a.n, a.Storage, limit); most > 0 {
		return fmt.Errorf("%w: at most %d images fit", ErrTooLarge, most)
	}
	return fmt.Errorf("%w: not one image fits", ErrTooLarge)
}

func gib(bytes int64) string { return fmt.Sprintf("%.2f GiB", float64(bytes)/(1<<30)) }

func (e *exec) Program() *kernels.Program { return e.p }

func (e *exec) SavedBytes(n int) int64 { return e.plans.savedBytes(n) }

func (e *exec) fail(what string, err error) error {
	return fmt.Errorf("cuda: program %q: %s: %w", e.p.Name, what, err)
}

// failed is fail for errors, and nil for nil.
func (e *exec) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return e.fail(what, err)
}

// ready reports an error if there is no Forward whose results are still there.
func (e *exec) ready(what string) error {
	switch {
	case e.d.closed:
		return e.fail(what, errClosed)
	case e.n == 0:
		return e.fail(what, errors.New("needs a Forward first"))
	case e.d.owner != e:
		return e.fail(what, errors.New("needs a Forward first: another Exec of the device has run since"))
	}
	return nil
}

func (e *exec) length(what, which string, got, want int) error {
	if got != want {
		return e.fail(what, fmt.Errorf("%s: %d elements, must be %d", which, got, want))
	}
	return nil
}

// at is an address in the buffer of what a Forward keeps.
func (e *exec) at(offset int64) Ptr { return e.d.saved.base + Ptr(offset) }

// moment is where μ of a step's columns lies; σ² follows.
func (e *exec) moment(step int) Ptr { return e.own + Ptr(e.plans.moments[step]) }

// Statistics writes μ and σ² of every BatchNorm.
func (e *exec) Statistics(mean, variance []float64) error {
	if e.d.closed {
		return e.fail("Statistics", errClosed)
	}
	if !e.known {
		return e.fail("Statistics", errors.New("there are none yet"))
	}
	return e.eachMoment("Statistics", mean, variance, func(at Ptr, dst []float64) error {
		return e.d.driver.CopyOut(Compute, bytesOf(dst), at)
	})
}

// SetStatistics sets them; what the last Forward left is then gone.
func (e *exec) SetStatistics(mean, variance []float64) error {
	if e.d.closed {
		return e.fail("SetStatistics", errClosed)
	}
	if err := kernels.CheckStatistics(mean, variance); err != nil {
		return e.fail("SetStatistics", err)
	}
	err := e.eachMoment("SetStatistics", mean, variance, func(at Ptr, src []float64) error {
		return e.d.staging.upload(e.d.driver, at, bytesOf(src))
	})
	if err != nil {
		return err
	}
	e.known, e.n = true, 0
	return nil
}

// eachMoment calls copy for the means and the variances of each BatchNorm.
func (e *exec) eachMoment(what string, mean, variance []float64, copy func(at Ptr, host []float64) error) error {
	channels := e.p.BNParams() / 2
	if err := e.length(what, "means", len(mean), channels); err != nil {
		return err
	}
	if err := e.length(what, "variances", len(variance), channels); err != nil {
		return err
	}
	column := 0
	for _, b := range e.p.BNs {
		c := e.p.Values[b.Value].C
		step := e.plans.stepOf[b.Value]
		at := e.moment(step) + Ptr(8*e.plans.column[b.Value])
		if err := copy(at, mean[column:column+c]); err != nil {
			return e.fail(what, err)
		}
		if err := copy(at+Ptr(8*e.plans.steps[step].columns), variance[column:column+c]); err != nil {
			return e.fail(what, err)
		}
		column += c
	}
	return nil
}
