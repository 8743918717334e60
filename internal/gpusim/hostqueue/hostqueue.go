// Package hostqueue is the streams, events and graphs of a driver whose work the host does at once, when it is queued.
package hostqueue

import (
	"errors"
	"fmt"
	"slices"

	"bnas.example/cuda/driver"
)

// Queue has the methods of a Driver for launches, events and graphs.
type Queue struct {
	name   string
	run    func(driver.Stream, *driver.Launch) error
	lost   func() error
	graphs map[driver.Graph][]driver.Launch
	events map[driver.Event]int // the deliveries that were queued when it was recorded
	pinned map[*byte]int        // bytes of pinned memory at an address
	late   []delivery
	before int    // deliveries that are done
	last   uint64 // handle
	record *[]driver.Launch
	onto   driver.Stream // of the recording
}

// New returns a Queue. Its errors begin with name. run runs a launch; lost returns the error that every call fails with
// once the GPU is lost, and nil until then.
func New(name string, run func(driver.Stream, *driver.Launch) error, lost func() error) Queue {
	return Queue{name: name, run: run, lost: lost, graphs: map[driver.Graph][]driver.Launch{}, events: map[driver.Event]int{}, pinned: map[*byte]int{}}
}

// Errorf is an error of the driver.
func (q *Queue) Errorf(format string, args ...any) error {
	return fmt.Errorf(q.name+": "+format, args...)
}

// Failed says which call an error is of. It is nil for nil.
func (q *Queue) Failed(what string, err error) error {
	if err != nil {
		return q.Errorf("%s: %w", what, err)
	}
	return nil
}

// Ready returns an error if a call cannot be queued: there is no such stream, the stream is being captured, or the GPU
// is lost.
func (q *Queue) Ready(s driver.Stream, what string) error {
	if s < 0 || s >= driver.Streams {
		return q.Errorf("%s: no stream %d", what, s)
	}
	if q.record != nil && s == q.onto {
		return q.Errorf("%s: the stream is being captured", what)
	}
	return q.lost()
}

func (q *Queue) Launch(s driver.Stream, l *driver.Launch) error {
	if q.record != nil && s == q.onto {
		c := *l
		c.Args = slices.Clone(l.Args)
		*q.record = append(*q.record, c)
		return nil
	}
	if err := q.Ready(s, "launch "+l.Kernel); err != nil {
		return err
	}
	return q.run(s, l)
}

// Graphs is the number of graphs that were not freed.
func (q *Queue) Graphs() int { return len(q.graphs) }

// Events is the number of events that were not freed.
func (q *Queue) Events() int { return len(q.events) }

// Clear frees all graphs.
func (q *Queue) Clear() { clear(q.graphs) }

func (q *Queue) NewEvent() (driver.Event, error) {
	q.last++
	q.events[driver.Event(q.last)] = 0
	return driver.Event(q.last), nil
}

func (q *Queue) FreeEvent(e driver.Event) error {
	if _, ok := q.events[e]; !ok {
		return q.Errorf("free: no event %d", e)
	}
	delete(q.events, e)
	return nil
}

func (q *Queue) known(e driver.Event, what string) error {
	if _, ok := q.events[e]; !ok {
		return q.Errorf("%s: no event %d", what, e)
	}
	return q.lost()
}

func (q *Queue) Record(s driver.Stream, e driver.Event) error {
	if err := errors.Join(q.Ready(s, "record an event"), q.known(e, "record")); err != nil {
		return err
	}
	q.events[e] = q.before + len(q.late)
	return nil
}

func (q *Queue) Wait(s driver.Stream, e driver.Event) error {
	return errors.Join(q.Ready(s, "wait for an event"), q.known(e, "wait"))
}

func (q *Queue) Reached(e driver.Event) error {
	if err := q.known(e, "reach"); err != nil {
		return err
	}
	q.deliver(q.events[e])
	return nil
}

func (q *Queue) Sync(s driver.Stream) error {
	if err := q.Ready(s, "synchronise"); err != nil {
		return err
	}
	q.deliver(q.before + len(q.late))
	return nil
}

func (q *Queue) Capture(s driver.Stream, f func() error) (driver.Graph, error) {
	if err := q.Ready(s, "capture"); err != nil {
		return 0, err
	}
	if q.record != nil {
		return 0, q.Errorf("capture: another stream is being captured")
	}
	var launches []driver.Launch
	q.record, q.onto = &launches, s
	err := f()
	q.record = nil
	if err != nil {
		return 0, err
	}
	q.last++
	q.graphs[driver.Graph(q.last)] = launches
	return driver.Graph(q.last), nil
}

func (q *Queue) Replay(s driver.Stream, g driver.Graph) error {
	launches, ok := q.graphs[g]
	if !ok {
		return q.Errorf("replay: no graph %d", g)
	}
	if err := q.Ready(s, "replay"); err != nil {
		return err
	}
	for i := range launches {
		if err := q.Launch(s, &launches[i]); err != nil {
			return err
		}
	}
	return nil
}

func (q *Queue) FreeGraph(g driver.Graph) error {
	if _, ok := q.graphs[g]; !ok {
		return q.Errorf("free: no graph %d", g)
	}
	delete(q.graphs, g)
	return nil
}
