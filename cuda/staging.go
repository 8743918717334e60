package cuda

import (
	"errors"

	"bnas.example/cuda/driver"
)

// staging is pinned memory through which small data go to the device without waiting: tables, labels, the optimizer's
// list. It is written front to back in two halves; a half is written again when the stream has passed the copies from it.
type staging struct {
	half   [2][]byte
	passed [2]driver.Event
	marked [2]bool
	now    int
	used   int
}

const stagingBytes = 4 << 20

func (s *staging) open(d driver.Driver) (err error) {
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
func (s *staging) close(d driver.Driver) error {
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
func (s *staging) upload(d driver.Driver, dst driver.Ptr, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if len(b) > stagingBytes {
		return d.CopyIn(driver.Compute, dst, b)
	}
	if s.used+len(b) > stagingBytes {
		if err := d.Record(driver.Compute, s.passed[s.now]); err != nil {
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
	return d.CopyIn(driver.Compute, dst, from)
}
