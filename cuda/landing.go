package cuda

import (
	"errors"

	"bnas.example/cuda/driver"
	"bnas.example/kernels"
)

// landing is pinned memory in which a result arrives from the compute stream, and the mark behind its copies.
type landing struct {
	host []byte
	mark mark
}

// landings are those that no result is in, by the class of their size (see pool).
type landings struct {
	*clock
	free map[int][]*landing
	all  []*landing
}

// take returns room for n bytes.
func (l *landings) take(n int64) (*landing, error) {
	c := class(max(n, 1))
	for i, free := range l.free[c] {
		if l.past(free.mark) {
			last := len(l.free[c]) - 1
			l.free[c][i] = l.free[c][last]
			l.free[c] = l.free[c][:last]
			return free, nil
		}
	}
	m, err := l.newMark()
	if err != nil {
		return nil, err
	}
	host, err := l.driver.Pinned(1 << c)
	if err != nil {
		return nil, errors.Join(err, l.clock.free(m))
	}
	made := &landing{host: host, mark: m}
	l.all = append(l.all, made)
	return made, nil
}

// reserve makes sure that a later take of n bytes cannot fail.
func (l *landings) reserve(n int64) error {
	free, err := l.take(n)
	if err == nil {
		l.give(free)
	}
	return err
}

// give gives back a landing. It is used again when the stream has passed its mark.
func (l *landings) give(back *landing) {
	c := class(int64(len(back.host)))
	l.free[c] = append(l.free[c], back)
}

// close frees all of them.
func (l *landings) close() error {
	var errs []error
	for _, m := range l.all {
		errs = append(errs, l.driver.FreePinned(m.host), l.clock.free(m.mark))
	}
	l.all, l.free = nil, nil
	return errors.Join(errs...)
}

// part is memory of the device that is copied to the host.
type part struct {
	at    driver.Ptr
	bytes int64
}

// arrival is a landing to which copies are queued, part after part.
type arrival struct {
	*landings
	*landing
	bytes int64
}

// fetch queues the copies of parts, and a mark behind them.
func (l *landings) fetch(parts ...part) (arrival, error) {
	a := arrival{landings: l}
	for _, p := range parts {
		a.bytes += p.bytes
	}
	var err error
	if a.landing, err = l.take(a.bytes); err != nil {
		return a, err
	}
	rest := a.host
	for _, p := range parts {
		if err = l.driver.CopyOut(driver.Compute, rest[:p.bytes], p.at); err != nil {
			break
		}
		rest = rest[p.bytes:]
	}
	if err = errors.Join(err, l.here(&a.mark)); err != nil {
		return a, err // a copy may be under way to the landing: nobody gets it again
	}
	return a, nil
}

// read waits for the copies and calls use with what has arrived, which is valid until use returns.
func (a arrival) read(use func(b []byte)) error {
	if err := a.wait(a.mark); err != nil {
		return err
	}
	use(a.host[:a.bytes])
	a.give(a.landing)
	return nil
}

// filled is the Pending of a call that fills slices from what arrives.
func filled(a arrival, err error, use func(b []byte)) *kernels.Pending[kernels.Nothing] {
	if err != nil {
		return kernels.Done(kernels.Nothing{}, err)
	}
	return kernels.Later(func() (kernels.Nothing, error) { return kernels.Nothing{}, a.read(use) })
}
