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
	bytes    [2]int          // of the batch that is there
	arrived  [2]driver.Event // the copy stream has brought it
	consumed [2]mark         // the compute stream has read it
	now      int
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
	var errs []error
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

// bring queues a batch and returns where it will be for the launches that are queued next on the compute stream. The batch that
// it brought last is not copied again: several paths of a step, or of a scoring, read one batch.
func (in *inputs) bring(images []byte) (driver.Ptr, error) {
	if i := in.now; in.bytes[i] == len(images) && bytes.Equal(in.host[i][:len(images)], images) {
		return in.device[i].base, nil
	}
	in.now = 1 - in.now
	i := in.now
	if err := in.empty(i, len(images)); err != nil {
		return 0, err
	}
	from := in.host[i][:len(images)]
	copy(from, images)
	if !in.past(in.consumed[i]) {
		if err := in.driver.Wait(driver.Copy, in.consumed[i].event); err != nil {
			return 0, err
		}
	}
	in.consumed[i].at = never
	if err := in.driver.CopyIn(driver.Copy, in.device[i].base, from); err != nil {
		return 0, err
	}
	if err := in.driver.Record(driver.Copy, in.arrived[i]); err != nil {
		return 0, err
	}
	if err := in.driver.Wait(driver.Compute, in.arrived[i]); err != nil {
		return 0, err
	}
	in.bytes[i] = len(images)
	return in.device[i].base, nil
}

// empty makes a buffer ready for a batch: the batch that was in it has left the host, and there is room.
func (in *inputs) empty(i, bytes int) error {
	in.bytes[i] = 0
	if !in.past(in.consumed[i]) {
		if err := in.driver.Reached(in.arrived[i]); err != nil {
			return err
		}
	}
	if len(in.host[i]) < bytes {
		if in.host[i] != nil {
			if err := in.driver.FreePinned(in.host[i]); err != nil {
				return err
			}
			in.host[i] = nil
		}
		b, err := in.driver.Pinned(bytes)
		if err != nil {
			return err
		}
		in.host[i] = b
	}
	return in.device[i].reserve(in.driver, int64(bytes))
}

// taken marks that the launches which read the batch are queued.
func (in *inputs) taken() error { return in.here(&in.consumed[in.now]) }
