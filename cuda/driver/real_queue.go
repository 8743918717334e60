//go:build cuda

package driver

import (
	"errors"
	"fmt"

	"gorgonia.org/cu"
)

func (d *realDriver) NewEvent() (Event, error) {
	if err := d.enter(); err != nil {
		return 0, err
	}
	defer d.leave()
	e, err := cu.MakeEvent(cu.DisableTiming)
	if err != nil {
		return 0, d.failed(err, "cuEventCreate")
	}
	d.names++
	d.events[Event(d.names)] = e
	return Event(d.names), nil
}

// on calls f with an existing event. It returns an error if there is no such event.
func (d *realDriver) on(e Event, call string, f func(cu.Event) error) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	event, ok := d.events[e]
	if !ok {
		return fmt.Errorf("%s: event %d is not there", call, e)
	}
	return d.failed(f(event), "%s", call)
}

func (d *realDriver) FreeEvent(e Event) error {
	return d.on(e, "cuEventDestroy", func(event cu.Event) error {
		delete(d.events, e)
		return cu.DestroyEvent(&event)
	})
}

func (d *realDriver) Record(s Stream, e Event) error {
	return d.on(e, "cuEventRecord", func(event cu.Event) error { return event.Record(d.stream[s]) })
}

func (d *realDriver) Wait(s Stream, e Event) error {
	return d.on(e, "cuStreamWaitEvent", func(event cu.Event) error { return d.stream[s].Wait(event, 0) })
}

func (d *realDriver) Reached(e Event) error {
	return d.on(e, "cuEventSynchronize", cu.Event.Synchronize)
}

func (d *realDriver) Sync(s Stream) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	return d.failed(d.stream[s].Synchronize(), "cuStreamSynchronize")
}

// Follow has an event of its own for it.
func (d *realDriver) Follow(other Driver) error {
	o, ok := other.(*realDriver)
	if !ok || o.context != d.context {
		return errors.New("follow: the driver is of another GPU")
	}
	if d.following == 0 {
		var err error
		if d.following, err = d.NewEvent(); err != nil {
			return err
		}
	}
	return errors.Join(
		d.on(d.following, "cuEventRecord", func(event cu.Event) error { return event.Record(o.stream[Compute]) }),
		d.Wait(Compute, d.following))
}
