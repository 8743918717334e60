package cuda

import (
	"errors"
	"fmt"
	"runtime"

	"bnas.example/cuda/driver"
	"bnas.example/kernels"
)

// exec is a Program that is compiled for a Device and a largest batch.
type exec struct {
	*context
	p     *kernels.Program
	store *store
	plans *plans

	own     driver.Ptr // coefficients, moments, counters, factors
	holding *holding   // what goes back to the device's pool
	forward forwardTable
	back    map[route]*backwardTable
	graphs  map[graphKey]*graphUse

	n int // images of the last Forward
}

func newExec(c *context, p *kernels.Program, s *store, n int) (kernels.Exec, error) {
	a, err := newPlans(p, n, c.options.Storage)
	if err != nil {
		return nil, err
	}
	if need, left := a.bytes(), c.options.MemoryLimit-c.parameters; need > left {
		return nil, fmt.Errorf("%d images need %s of the GPU's memory, there are %s: %w", n, gib(need), gib(left), tooLarge(a, left))
	}
	if err := a.checkBlocks(c.properties.SharedMemory); err != nil {
		return nil, err
	}
	if err := c.pool.tidy(c.driver, false); err != nil {
		return nil, err
	}
	e := &exec{
		context: c, p: p, store: s, plans: a,
		holding: &holding{pool: &c.pool, blocks: map[driver.Ptr]int{}},
		back:    map[route]*backwardTable{},
		graphs:  map[graphKey]*graphUse{},
	}
	runtime.AddCleanup(e, (*holding).releaseAll, e.holding)
	if e.own, err = e.holding.take(c.driver, a.own.size); err != nil {
		return nil, err
	}
	if err := e.driver.Fill(driver.Compute, e.own, 0, a.own.size); err != nil {
		return nil, err
	}
	return e, e.SetFactors(nil)
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

// at is an address in the buffer of what a Forward keeps.
func (e *exec) at(offset int64) driver.Ptr { return e.saved.base + driver.Ptr(offset) }

// moment is where μ of a step's columns lies; σ² follows.
func (e *exec) moment(step int) driver.Ptr { return e.own + driver.Ptr(e.plans.moments[step]) }

// Statistics writes μ and σ² of every BatchNorm.
func (e *exec) Statistics(mean, variance []float64) error {
	_, err := e.QueueStatistics(mean, variance).Wait()
	return err
}

// QueueStatistics queues their copy, which is one: they lie side by side.
func (e *exec) QueueStatistics(mean, variance []float64) *kernels.Pending[kernels.Nothing] {
	if len(mean) == 0 {
		return kernels.Done(kernels.Nothing{}, nil)
	}
	a, err := e.landings.fetch(e.plans.allMoments(e.own))
	return filled(a, err, func(b []byte) {
		e.plans.eachMoment(b, mean, variance, func(device, host []byte) { copy(host, device) })
	})
}

// SetStatistics sets them, in one copy.
func (e *exec) SetStatistics(mean, variance []float64) error {
	if len(mean) == 0 {
		return nil
	}
	all := e.plans.allMoments(e.own)
	b := make([]byte, all.bytes)
	e.plans.eachMoment(b, mean, variance, func(device, host []byte) { copy(device, host) })
	return e.upload(all.at, b)
}

// allMoments is where the statistics lie in the buffer own.
func (a *plans) allMoments(own driver.Ptr) part {
	return part{own + driver.Ptr(a.momentsAt), a.momentsBytes}
}

// eachMoment calls transfer for the means and the variances of each BatchNorm: where they lie in a copy of all statistics, and on
// the host.
func (a *plans) eachMoment(all []byte, mean, variance []float64, transfer func(device, host []byte)) {
	column := 0
	for _, b := range a.p.BNs {
		c := a.p.Values[b.Value].C
		step := a.stepOf[b.Value]
		at := a.moments[step] - a.momentsAt + 8*int64(a.column[b.Value])
		transfer(all[at:at+8*int64(c)], bytesOf(mean[column:column+c]))
		at += 8 * int64(a.steps[step].columns)
		transfer(all[at:at+8*int64(c)], bytesOf(variance[column:column+c]))
		column += c
	}
}

// graphKey names a sequence of launches of an Exec that is the same each time.
type graphKey struct {
	kind            string
	n, rows         int
	frozen, weights bool
}

// graphUse counts how often a sequence was launched, and holds it once it is recorded.
type graphUse struct {
	times int
	graph driver.Graph
}

// run launches a sequence: one by one the first time, so that a path that is drawn once costs no recording; from the
// second time on as one graph.
func (e *exec) run(key graphKey, ops func() []Work) error {
	if e.options.NoGraphs {
		return e.queue(ops()...)
	}
	u := e.graphs[key]
	if u == nil {
		u = &graphUse{}
		e.graphs[key] = u
	}
	u.times++
	if u.times == 1 {
		return e.queue(ops()...)
	}
	if u.graph == 0 {
		g, err := e.driver.Capture(driver.Compute, func() error { return e.queue(ops()...) })
		if err != nil {
			return err
		}
		u.graph = g
		e.holding.recorded(g)
	}
	return e.driver.Replay(driver.Compute, u.graph)
}

// Release gives back the blocks and graphs. Launches that are queued may still read them: who gets a block uses it after them.
func (e *exec) Release() { e.holding.releaseAll() }

// forget drops what was made for addresses that have changed.
func (e *exec) forget() {
	e.holding.release(e.forward.base)
	for _, t := range e.back {
		e.holding.release(t.base)
	}
	clear(e.back)
	clear(e.graphs)
	e.forward = forwardTable{}
}
