package cuda

import (
	"errors"

	"bnas.example/cuda/driver"
)

// staging is pinned memory through which small data go to the device without waiting: tables, labels, the optimizer's
// list. It is written front to back in two halves; a half is written again when the stream has passed the copies from it.
type staging struct {
	*clock
	half   [2][]byte
	copied [2]mark
	now    int
	used   int
}

const stagingBytes = 4 << 20

func (s *staging) open(c *clock) (err error) {
	s.clock = c
	for i := range s.half {
		if s.half[i], err = c.driver.Pinned(stagingBytes); err != nil {
			return err
		}
		if s.copied[i], err = c.newMark(); err != nil {
			return err
		}
	}
	return nil
}

// close frees all that there is, also after an error.
func (s *staging) close() error {
	var errs []error
	for i := range s.half {
		if s.half[i] != nil {
			errs = append(errs, s.driver.FreePinned(s.half[i]))
		}
		if s.clock != nil {
			errs = append(errs, s.free(s.copied[i]))
		}
	}
	*s = staging{}
	return errors.Join(errs...)
}

// upload queues a copy of b on the compute stream; b may be reused at once. What is larger than a half goes directly,
// and then the call waits.
func (s *staging) upload(dst driver.Ptr, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if len(b) > stagingBytes {
		return s.driver.CopyIn(driver.Compute, dst, b)
	}
	if s.used+len(b) > stagingBytes {
		if err := s.here(&s.copied[s.now]); err != nil {
			return err
		}
		s.now, s.used = 1-s.now, 0
		if err := s.wait(s.copied[s.now]); err != nil {
			return err
		}
	}
	from := s.half[s.now][s.used : s.used+len(b)]
	copy(from, b)
	s.used += len(b)
	return s.driver.CopyIn(driver.Compute, dst, from)
}
