package indicator

import (
	"cmp"

	"golang.org/x/sync/errgroup"
)

// each calls f for 0…n−1, as many at a time as the device has threads. Calls must not depend on each other. It returns the
// first error by index.
func (s *Scorer) each(n int, f func(i int) error) error {
	errs := make([]error, n)
	var group errgroup.Group
	group.SetLimit(max(s.dev.Info().Threads, 1))
	for i := range n {
		group.Go(func() error {
			errs[i] = f(i)
			return nil
		})
	}
	_ = group.Wait()
	return cmp.Or(errs...)
}
