package cuda

import (
	"bytes"
	"errors"

	"bnas.example/cuda/driver"
)

// inputs are two buffers for batches of images, so that the next batch is copied while the present one is computed.
type inputs struct {
	*clock
	host     [2][]byte
	device   [2]memory
	lengths  [2][]int        // of the parts of the batch that is there
	arrived  [2]driver.Event // the copy stream has brought it
	consumed [2]mark         // the compute stream has read it
	now      int
	shown    memory // images that the device has made of pixels
	isShown  bool   // of those that were brought last
}

func (in *inputs) open(c *clock) (err error) {
	in.clock = c
	for i := range in.arrived {
		if in.arrived[i], err = c.driver.NewEvent(); err != nil {
			return err
		}
		if in.consumed[i], err = c.newMark(); err != nil {
			return err
		}
	}
	return nil
}

// close frees all that there is, also after an error.
func (in *inputs) close() error {
	if in.clock == nil {
		return nil
	}
	errs := []error{in.shown.free(in.driver)}
	for i := range in.arrived {
		if in.host[i] != nil {
			errs = append(errs, in.driver.FreePinned(in.host[i]))
		}
		errs = append(errs, in.device[i].free(in.driver), in.free(in.consumed[i]))
		if in.arrived[i] != 0 {
			errs = append(errs, in.driver.FreeEvent(in.arrived[i]))
		}
	}
	*in = inputs{}
	return errors.Join(errs...)
}

// bring queues the parts of a batch and returns where they will be for the launches that are queued next on the compute stream,
// each at a multiple of 256 bytes. The batch that it brought last is not copied again: several paths of a step, or of a scoring,
// read one batch.
func (in *inputs) bring(parts ...[]byte) (at driver.Ptr, again bool, err error) {
	if in.holds(in.now, parts) {
		return in.device[in.now].base, true, nil
	}
	in.now = 1 - in.now
	i := in.now
	size := 0
	for _, p := range parts {
		size += int(align(int64(len(p))))
	}
	if err := in.empty(i, size); err != nil {
		return 0, false, err
	}
	from := in.host[i][:0]
	for _, p := range parts {
		from = append(from, p...)
		from = from[:align(int64(len(from)))]
	}
	if !in.past(in.consumed[i]) {
		if err := in.driver.Wait(driver.Copy, in.consumed[i].event); err != nil {
			return 0, false, err
		}
	}
	in.consumed[i].at = never
	if err := in.driver.CopyIn(driver.Copy, in.device[i].base, from); err != nil {
		return 0, false, err
	}
	if err := in.driver.Record(driver.Copy, in.arrived[i]); err != nil {
		return 0, false, err
	}
	if err := in.driver.Wait(driver.Compute, in.arrived[i]); err != nil {
		return 0, false, err
	}
	for _, p := range parts {
		in.lengths[i] = append(in.lengths[i], len(p))
	}
	return in.device[i].base, false, nil
}

// holds reports whether a buffer has just these parts.
func (in *inputs) holds(i int, parts [][]byte) bool {
	if len(in.lengths[i]) != len(parts) {
		return false
	}
	at := 0
	for k, p := range parts {
		if in.lengths[i][k] != len(p) || !bytes.Equal(in.host[i][at:at+len(p)], p) {
			return false
		}
		at += int(align(int64(len(p))))
	}
	return true
}

// empty makes a buffer ready for a batch: the batch that was in it has left the host, and there is room.
func (in *inputs) empty(i, bytes int) error {
	in.lengths[i] = in.lengths[i][:0]
	if !in.past(in.consumed[i]) {
		if err := in.driver.Reached(in.arrived[i]); err != nil {
			return err
		}
	}
	if len(in.host[i]) < bytes {
		if old := in.host[i]; old != nil {
			in.host[i] = nil
			if err := in.driver.FreePinned(old); err != nil {
				return err
			}
		}
		b, err := in.driver.Pinned(bytes)
		if err != nil {
			return err
		}
		in.host[i] = b
	}
	return in.device[i].reserve(in.driver, int64(bytes))
}

// room makes sure that there is memory for images that the device makes of pixels. Those that it has made are lost when it grows.
func (in *inputs) room(bytes int64) error {
	in.isShown = in.isShown && bytes <= in.shown.size
	return in.shown.reserve(in.driver, bytes)
}

// taken marks that the launches which read the batch are queued.
func (in *inputs) taken() error { return in.here(&in.consumed[in.now]) }
