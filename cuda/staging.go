package cuda

import "errors"

// staging is pinned memory through which small data go to the device without waiting: tables, labels, the optimizer's
// list. It is written front to back in two halves; a half is written again when the stream has passed the copies from it.
type staging struct {
	half   [2][]byte
	passed [2]Event
	marked [2]bool
	now    int
	used   int
}

const stagingBytes = 4 << 20

func (s *staging) open(d Driver) (err error) {
	for i := range s.half {
		if s.half[i], err = d.Pinned(stagingBytes); err != nil {
			return err
		}
		if s.passed[i], err = d.NewEvent(); err != nil {
			return err
		}
	}
	return nil
}

// close frees all that there is, also after an error.
func (s *staging) close(d Driver) error {
	var errs []error
	for i := range s.half {
		if s.half[i] != nil {
			errs = append(errs, d.FreePinned(s.half[i]))
		}
		if s.passed[i] != 0 {
			errs = append(errs, d.FreeEvent(s.passed[i]))
		}
	}
	*s = staging{}
	return errors.Join(errs...)
}

// upload queues a copy of b on the compute stream; b may be reused at once. What is larger than a half goes directly,
// and then the call waits.
func (s *staging) upload(d Driver, dst Ptr, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if len(b) > stagingBytes {
		return d.CopyIn(Compute, dst, b)
	}
	if s.used+len(b) > stagingBytes {
		if err := d.Record(Compute, s.passed[s.now]); err != nil {
			return err
		}
		s.marked[s.now] = true
		s.now, s.used = 1-s.now, 0
		if s.marked[s.now] {
			if err := d.Reached(s.passed[s.now]); err != nil {
				return err
			}
		}
	}
	from := s.half[s.now][s.used : s.used+len(b)]
	copy(from, b)
	s.used += len(b)
	return d.CopyIn(Compute, dst, from)
}

// pictures are two buffers for images, so that the next batch is copied while the present one is computed.
type pictures struct {
	host     [2][]byte
	device   [2]memory
	arrived  [2]Event // the copy stream has brought them
	consumed [2]Event // the compute stream has read them
	used     [2]bool
	now      int
}

func (p *pictures) open(d Driver) (err error) {
	for i := range p.arrived {
		if p.arrived[i], err = d.NewEvent(); err != nil {
			return err
		}
		if p.consumed[i], err = d.NewEvent(); err != nil {
			return err
		}
	}
	return nil
}

// close frees all that there is, also after an error.
func (p *pictures) close(d *Device) error {
	var errs []error
	for i := range p.arrived {
		if p.host[i] != nil {
			errs = append(errs, d.driver.FreePinned(p.host[i]))
		}
		errs = append(errs, p.device[i].free(d))
		for _, e := range []Event{p.arrived[i], p.consumed[i]} {
			if e != 0 {
				errs = append(errs, d.driver.FreeEvent(e))
			}
		}
	}
	*p = pictures{}
	return errors.Join(errs...)
}

// bring queues a batch and returns where it will be for the launches that are queued next on the compute stream.
func (p *pictures) bring(d *Device, images []byte) (Ptr, error) {
	p.now = 1 - p.now
	i := p.now
	if p.used[i] {
		if err := d.driver.Reached(p.arrived[i]); err != nil {
			return 0, err
		}
	}
	if len(p.host[i]) < len(images) {
		if p.host[i] != nil {
			if err := d.driver.FreePinned(p.host[i]); err != nil {
				return 0, err
			}
			p.host[i] = nil
		}
		b, err := d.driver.Pinned(len(images))
		if err != nil {
			return 0, err
		}
		p.host[i] = b
	}
	if err := p.device[i].reserve(d, int64(len(images))); err != nil {
		return 0, err
	}
	from := p.host[i][:len(images)]
	copy(from, images)
	if p.used[i] {
		if err := d.driver.Wait(Copy, p.consumed[i]); err != nil {
			return 0, err
		}
	}
	if err := d.driver.CopyIn(Copy, p.device[i].base, from); err != nil {
		return 0, err
	}
	if err := d.driver.Record(Copy, p.arrived[i]); err != nil {
		return 0, err
	}
	p.used[i] = true
	return p.device[i].base, d.driver.Wait(Compute, p.arrived[i])
}

// taken marks that the launches which read the batch are queued.
func (p *pictures) taken(d Driver) error { return d.Record(Compute, p.consumed[p.now]) }
