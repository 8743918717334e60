package indicator

import (
	"sync"
	"sync/atomic"
)

// each calls f for 0…n−1, on as many goroutines as the device has threads. Calls must not depend on each
// other. It returns the first error by index.
func (s *Scorer) each(n int, f func(i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(n, max(s.dev.Info().Threads, 1)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = f(i)
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
