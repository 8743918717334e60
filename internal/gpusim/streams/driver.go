// Package streams is a GPU whose streams run late and in any order that CUDA allows: what one stream queues runs in its order, and only a
// wait for an event puts it after what another has queued. A driver whose work runs when it is queued hides a wait that is missing.
package streams

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/hostqueue"
)

// Driver is such a GPU. Its work is that of a driver that works at once.
type Driver struct {
	hostqueue.Queue // launches, graphs, pinned memory
	*gpu
	beside bool
	stream [driver.Streams]*stream
	events map[driver.Event]*event
	names  uint64
}

// gpu is what the drivers of a GPU share.
type gpu struct {
	mu      sync.Mutex // of all of it, and of the driver that works
	works   driver.Driver
	random  *rand.Rand
	streams []*stream // of all drivers
	sleeps  *stream   // runs only if no other can and the host waits
	err     error     // of work that failed when it ran
}

// stream is work that has not run, in its order.
type stream struct{ queued []work }

// work runs once the event that it waits for is reached.
type work struct {
	after *event // nil: at once
	run   func() error
}

// event is a position in a stream. A driver's name for it stands for another one after each Record.
type event struct{ reached bool }

// New returns a driver over one that works at once. A seed gives one order.
func New(works driver.Driver, seed uint64) *Driver {
	return newDriver(&gpu{works: works, random: rand.New(rand.NewPCG(seed, 0))})
}

func newDriver(g *gpu) *Driver {
	d := &Driver{gpu: g, events: map[driver.Event]*event{}}
	d.Queue = hostqueue.New("streams", d.launch, func() error { return nil })
	for s := range d.stream {
		d.stream[s] = &stream{}
		g.streams = append(g.streams, d.stream[s])
	}
	return d
}

// Beside returns a driver with streams of its own.
func (d *Driver) Beside() (driver.Driver, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	beside := newDriver(d.gpu)
	beside.beside = true
	return beside, nil
}

// Follow makes the compute stream wait for that of another driver.
func (d *Driver) Follow(other driver.Driver) error {
	o, ok := other.(*Driver)
	if !ok || o.gpu != d.gpu {
		return errors.New("streams: the driver to follow is of another GPU")
	}
	return d.queue(func() error {
		d.stream[driver.Compute].wait(o.stream[driver.Compute].mark())
		return nil
	})
}

// mark queues an event.
func (s *stream) mark() *event {
	e := &event{}
	s.queued = append(s.queued, work{run: func() error { e.reached = true; return nil }})
	return e
}

func (s *stream) wait(e *event) {
	s.queued = append(s.queued, work{after: e, run: func() error { return nil }})
}

// queue calls f, which queues work, and lets some of what is queued run.
func (d *Driver) queue(f func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := f(); err != nil {
		return err
	}
	for range d.random.IntN(3) {
		d.step(false)
	}
	return d.err
}

// wakes is the mean number of steps after which another stream sleeps.
const wakes = 2000

// step runs the next work of a stream, any that can run. It is false if there is none.
func (g *gpu) step(waited bool) bool {
	if g.sleeps == nil || g.random.IntN(wakes) == 0 {
		g.sleeps = g.another()
	}
	var can []*stream
	for _, s := range g.streams {
		if s != g.sleeps && s.ready() {
			can = append(can, s)
		}
	}
	if len(can) == 0 && waited && g.sleeps.ready() {
		can = []*stream{g.sleeps}
	}
	if len(can) == 0 {
		return false
	}
	s := can[g.random.IntN(len(can))]
	next := s.queued[0]
	s.queued = s.queued[1:]
	if g.err == nil {
		g.err = next.run()
	}
	return true
}

// another returns any stream, also one without work: a copy that is queued soon after is then late. Or it returns none of them.
func (g *gpu) another() *stream {
	i := g.random.IntN(len(g.streams) + 1)
	if i == len(g.streams) {
		return &stream{}
	}
	return g.streams[i]
}

// ready reports whether the stream's next work can run.
func (s *stream) ready() bool {
	return len(s.queued) > 0 && (s.queued[0].after == nil || s.queued[0].after.reached)
}

// until runs work until a condition holds.
func (d *Driver) until(holds func() bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.runUntil(holds)
}

func (g *gpu) runUntil(holds func() bool) error {
	for !holds() {
		if !g.step(true) {
			return errors.Join(g.err, errors.New("streams: the streams wait for each other"))
		}
	}
	return g.err
}

func (d *Driver) Properties() driver.Properties {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.works.Properties()
}

// Alloc gives memory at once.
func (d *Driver) Alloc(bytes int64) (driver.Ptr, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.works.Alloc(bytes)
}

// after waits for all streams of the GPU, as CUDA does before it frees memory, and calls f.
func (g *gpu) after(f func() error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	err := g.runUntil(func() bool {
		return !slices.ContainsFunc(g.streams, func(s *stream) bool { return len(s.queued) > 0 })
	})
	return errors.Join(err, f())
}

func (d *Driver) Free(p driver.Ptr) error { return d.after(func() error { return d.works.Free(p) }) }

func (d *Driver) Pinned(bytes int) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := d.works.Pinned(bytes)
	if err == nil {
		d.Pin(b)
	}
	return b, err
}

func (d *Driver) FreePinned(b []byte) error {
	return d.after(func() error {
		d.Unpin(b)
		return d.works.FreePinned(b)
	})
}

// put queues work in a stream that is not being captured.
func (d *Driver) put(s driver.Stream, run func() error) error {
	if err := d.Ready(s, "queue"); err != nil {
		return err
	}
	return d.queue(func() error {
		d.stream[s].queued = append(d.stream[s].queued, work{run: run})
		return nil
	})
}

// CopyIn reads pinned memory when the copy runs, and other memory now.
func (d *Driver) CopyIn(s driver.Stream, dst driver.Ptr, src []byte) error {
	if !d.IsPinned(src) {
		src = slices.Clone(src)
	}
	return d.put(s, func() error { return d.works.CopyIn(driver.Compute, dst, src) })
}

// poison fills pinned memory to which a copy is under way.
const poison = 0xA5

// CopyOut writes pinned memory when the copy runs. It waits for a copy to other memory.
func (d *Driver) CopyOut(s driver.Stream, dst []byte, src driver.Ptr) error {
	for i := range dst {
		dst[i] = poison
	}
	err := d.put(s, func() error {
		arrived := make([]byte, len(dst))
		err := d.works.CopyOut(driver.Compute, arrived, src)
		copy(dst, arrived)
		return err
	})
	if err != nil || d.IsPinned(dst) {
		return err
	}
	return d.Sync(s)
}

func (d *Driver) Fill(s driver.Stream, dst driver.Ptr, value byte, bytes int64) error {
	return d.put(s, func() error { return d.works.Fill(driver.Compute, dst, value, bytes) })
}

func (d *Driver) launch(s driver.Stream, l *driver.Launch) error {
	own := *l
	own.Args = slices.Clone(l.Args)
	return d.put(s, func() error { return d.works.Launch(driver.Compute, &own) })
}

func (d *Driver) NewEvent() (driver.Event, error) {
	d.names++
	d.events[driver.Event(d.names)] = &event{reached: true}
	return driver.Event(d.names), nil
}

// known returns an error if there is no such event.
func (d *Driver) known(e driver.Event) error {
	if d.events[e] == nil {
		return fmt.Errorf("streams: no event %d", e)
	}
	return nil
}

func (d *Driver) FreeEvent(e driver.Event) error {
	defer delete(d.events, e)
	return d.known(e)
}

func (d *Driver) Record(s driver.Stream, e driver.Event) error {
	if err := errors.Join(d.Ready(s, "record an event"), d.known(e)); err != nil {
		return err
	}
	return d.queue(func() error {
		d.events[e] = d.stream[s].mark()
		return nil
	})
}

func (d *Driver) Wait(s driver.Stream, e driver.Event) error {
	if err := errors.Join(d.Ready(s, "wait for an event"), d.known(e)); err != nil {
		return err
	}
	return d.queue(func() error {
		d.stream[s].wait(d.events[e])
		return nil
	})
}

func (d *Driver) Reached(e driver.Event) error {
	if err := d.known(e); err != nil {
		return err
	}
	return d.until(func() bool { return d.events[e].reached })
}

func (d *Driver) Sync(s driver.Stream) error {
	if err := d.Ready(s, "synchronise"); err != nil {
		return err
	}
	return d.until(func() bool { return len(d.stream[s].queued) == 0 })
}

// Close says what was not freed. The first driver closes the one that works.
func (d *Driver) Close() (err error) {
	if !d.beside {
		err = d.after(d.works.Close)
	}
	if n := d.Graphs() + len(d.events); n > 0 {
		err = errors.Join(err, fmt.Errorf("streams: close: %d graphs and events were never freed", n))
	}
	return err
}
