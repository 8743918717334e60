package cuda

import (
	"errors"
	"fmt"
	"slices"
)

// hostQueue is the streams, events and graphs of a Driver whose work the host does at once, when it is queued.
type hostQueue struct {
	name   string
	run    func(*Launch) error
	lost   func() error // why nothing can be done any more
	graphs map[Graph][]Launch
	events map[Event]bool
	last   uint64 // handle
	record *[]Launch
	onto   Stream // of the recording
}

func newHostQueue(name string, run func(*Launch) error, lost func() error) hostQueue {
	return hostQueue{name: name, run: run, lost: lost, graphs: map[Graph][]Launch{}, events: map[Event]bool{}}
}

func (q *hostQueue) wrong(format string, args ...any) error {
	return fmt.Errorf(q.name+": "+format, args...)
}

// failed says which call an error is of.
func (q *hostQueue) failed(what string, err error) error {
	if err != nil {
		return q.wrong("%s: %w", what, err)
	}
	return nil
}

// queue refuses streams that there are not, and what a recording cannot hold.
func (q *hostQueue) queue(s Stream, what string) error {
	if s < 0 || s >= streams {
		return q.wrong("%s: no stream %d", what, s)
	}
	if q.record != nil && s == q.onto {
		return q.wrong("%s: the stream is being captured", what)
	}
	return q.lost()
}

func (q *hostQueue) Launch(s Stream, l *Launch) error {
	if q.record != nil && s == q.onto {
		c := *l
		c.Args = slices.Clone(l.Args)
		*q.record = append(*q.record, c)
		return nil
	}
	if err := q.queue(s, "launch "+l.Kernel); err != nil {
		return err
	}
	return q.run(l)
}

func (q *hostQueue) NewEvent() (Event, error) {
	q.last++
	q.events[Event(q.last)] = true
	return Event(q.last), nil
}

func (q *hostQueue) FreeEvent(e Event) error {
	if !q.events[e] {
		return q.wrong("free: no event %d", e)
	}
	delete(q.events, e)
	return nil
}

func (q *hostQueue) known(e Event, what string) error {
	if !q.events[e] {
		return q.wrong("%s: no event %d", what, e)
	}
	return q.lost()
}

func (q *hostQueue) Record(s Stream, e Event) error {
	return errors.Join(q.queue(s, "record an event"), q.known(e, "record"))
}

func (q *hostQueue) Wait(s Stream, e Event) error {
	return errors.Join(q.queue(s, "wait for an event"), q.known(e, "wait"))
}

func (q *hostQueue) Reached(e Event) error { return q.known(e, "reach") }

func (q *hostQueue) Sync(s Stream) error { return q.queue(s, "synchronise") }

func (q *hostQueue) Capture(s Stream, f func() error) (Graph, error) {
	if err := q.queue(s, "capture"); err != nil {
		return 0, err
	}
	if q.record != nil {
		return 0, q.wrong("capture: another stream is being captured")
	}
	var launches []Launch
	q.record, q.onto = &launches, s
	err := f()
	q.record = nil
	if err != nil {
		return 0, err
	}
	q.last++
	q.graphs[Graph(q.last)] = launches
	return Graph(q.last), nil
}

func (q *hostQueue) Replay(s Stream, g Graph) error {
	launches, ok := q.graphs[g]
	if !ok {
		return q.wrong("replay: no graph %d", g)
	}
	if err := q.queue(s, "replay"); err != nil {
		return err
	}
	for i := range launches {
		if err := q.Launch(s, &launches[i]); err != nil {
			return err
		}
	}
	return nil
}

func (q *hostQueue) FreeGraph(g Graph) error {
	if _, ok := q.graphs[g]; !ok {
		return q.wrong("free: no graph %d", g)
	}
	delete(q.graphs, g)
	return nil
}
