package cuda

import (
	"errors"

	"bnas.example/cuda/driver"
)

// inputs are two buffers for batches of images, so that the next batch is copied while the present one is computed.
type inputs struct {
	host     [2][]byte
	device   [2]memory
	arrived  [2]driver.Event // the copy stream has brought them
	consumed [2]driver.Event // the compute stream has read them
	used     [2]bool
	now      int
}

func (in *inputs) open(d driver.Driver) (err error) {
	for i := range in.arrived {
		if in.arrived[i], err = d.NewEvent(); err != nil {
			return err
		}
		if in.consumed[i], err = d.NewEvent(); err != nil {
			return err
		}
	}
	return nil
}

// close frees all that there is, also after an error.
func (in *inputs) close(d driver.Driver) error {
	var errs []error
	for i := range in.arrived {
		if in.host[i] != nil {
			errs = append(errs, d.FreePinned(in.host[i]))
		}
		errs = append(errs, in.device[i].free(d))
		for _, e := range []driver.Event{in.arrived[i], in.consumed[i]} {
			if e != 0 {
				errs = append(errs, d.FreeEvent(e))
			}
		}
	}
	*in = inputs{}
	return errors.Join(errs...)
}

// bring queues a batch and returns where it will be for the launches that are queued next on the compute stream.
func (in *inputs) bring(d driver.Driver, images []byte) (driver.Ptr, error) {
	in.now = 1 - in.now
	i := in.now
	if in.used[i] {
		if err := d.Reached(in.arrived[i]); err != nil {
			return 0, err
		}
	}
	if len(in.host[i]) < len(images) {
		if in.host[i] != nil {
			if err := d.FreePinned(in.host[i]); err != nil {
				return 0, err
			}
			in.host[i] = nil
		}
		b, err := d.Pinned(len(images))
		if err != nil {
			return 0, err
		}
		in.host[i] = b
	}
	if err := in.device[i].reserve(d, int64(len(images))); err != nil {
		return 0, err
	}
	from := in.host[i][:len(images)]
	copy(from, images)
	if in.used[i] {
		if err := d.Wait(driver.Copy, in.consumed[i]); err != nil {
			return 0, err
		}
	}
	if err := d.CopyIn(driver.Copy, in.device[i].base, from); err != nil {
		return 0, err
	}
	if err := d.Record(driver.Copy, in.arrived[i]); err != nil {
		return 0, err
	}
	in.used[i] = true
	return in.device[i].base, d.Wait(driver.Compute, in.arrived[i])
}

// taken marks that the launches which read the batch are queued.
func (in *inputs) taken(d driver.Driver) error { return d.Record(driver.Compute, in.consumed[in.now]) }
