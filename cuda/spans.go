package cuda

import (
	"cmp"
	"fmt"
	"slices"

	"bnas.example/cuda/driver"
	"bnas.example/kernels"
)

// A Read or Write of many γ, β and classifiers copies the spans of their vector in which they lie, through pinned memory,
// and waits once. Those of a path are one span, with the parameters of other paths between them: to copy those too takes
// microseconds, a copy and a wait for each parameter takes milliseconds. Weights of convolutions are large and are copied
// one by one.

// spanGap is the number of bytes between two parameters above which they are two spans.
const spanGap = 1 << 20

// placed is a slot of a parameter.
type placed struct {
	at    driver.Ptr
	bytes []byte // the array on the host
}

// span is a part of a vector with some parameters, in the order of their addresses.
type span struct {
	at    driver.Ptr
	bytes int64
	parts []placed
}

// spanBuffer is pinned memory for the spans of one Read or Write.
type spanBuffer struct{ host []byte }

// reserve returns n bytes of pinned memory that no copy uses.
func (b *spanBuffer) reserve(d driver.Driver, n int64) ([]byte, error) {
	if err := d.Sync(driver.Compute); err != nil {
		return nil, err
	}
	if int64(len(b.host)) < n {
		if err := b.free(d); err != nil {
			return nil, err
		}
		host, err := d.Pinned(int(align(n)))
		if err != nil {
			return nil, err
		}
		b.host = host
	}
	return b.host[:n], nil
}

func (b *spanBuffer) free(d driver.Driver) error {
	host := b.host
	b.host = nil
	if host == nil {
		return nil
	}
	return d.FreePinned(host)
}

// Read copies a slot of ids to dst.
func (s *store) Read(slot kernels.Slot, dst []float32, ids ...kernels.ParamID) error {
	return s.copies(slot, dst, ids, s.readOne, s.readSpans)
}

// Write copies src to a slot of ids.
func (s *store) Write(slot kernels.Slot, src []float32, ids ...kernels.ParamID) error {
	if slot == kernels.Data {
		for _, id := range ids {
			s.version[id]++
		}
	}
	return s.copies(slot, src, ids, s.upload, s.writeSpans)
}

// copies calls one for each large parameter, or for the only one, and many for the rest.
func (s *store) copies(slot kernels.Slot, array []float32, ids []kernels.ParamID, one func(driver.Ptr, []byte) error, many func([]placed) error) error {
	var small []placed
	for _, id := range ids {
		n := s.params[id].Len()
		at, err := s.address(id, slot)
		switch {
		case err != nil:
		case len(ids) > 1 && vectorOf(s.params[id].Kind) == pathVector:
			small = append(small, placed{at, bytesOf(array[:n])})
		default:
			err = one(at, bytesOf(array[:n]))
		}
		if err != nil {
			return s.about(id, err)
		}
		array = array[n:]
	}
	if len(small) == 0 {
		return nil
	}
	if err := many(small); err != nil {
		return fmt.Errorf("%d parameters: %w", len(small), err)
	}
	return nil
}

func (s *store) readOne(at driver.Ptr, dst []byte) error {
	return s.driver.CopyOut(driver.Compute, dst, at)
}

func (s *store) readSpans(all []placed) error {
	spans, host, err := s.download(all)
	if err != nil {
		return err
	}
	for _, sp := range spans {
		for _, p := range sp.parts {
			copy(p.bytes, host[p.at-sp.at:])
		}
		host = host[sp.bytes:]
	}
	return nil
}

// writeSpans reads the spans, changes the parameters in them and writes them back.
func (s *store) writeSpans(all []placed) error {
	spans, host, err := s.download(all)
	if err != nil {
		return err
	}
	for _, sp := range spans {
		for _, p := range sp.parts {
			copy(host[p.at-sp.at:], p.bytes)
		}
		if err := s.driver.CopyIn(driver.Compute, sp.at, host[:sp.bytes]); err != nil {
			return err
		}
		host = host[sp.bytes:]
	}
	return nil
}

// download copies the spans of parameters to pinned memory, one after the other, and waits.
func (s *store) download(all []placed) ([]span, []byte, error) {
	spans := spansOf(all)
	var bytes int64
	for _, sp := range spans {
		bytes += sp.bytes
	}
	host, err := s.spans.reserve(s.driver, bytes)
	if err != nil {
		return nil, nil, err
	}
	rest := host
	for _, sp := range spans {
		if err := s.driver.CopyOut(driver.Compute, rest[:sp.bytes], sp.at); err != nil {
			return nil, nil, err
		}
		rest = rest[sp.bytes:]
	}
	return spans, host, s.driver.Sync(driver.Compute)
}

// spansOf returns the spans of parameters. It sorts them.
func spansOf(all []placed) []span {
	slices.SortFunc(all, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	var spans []span
	for _, p := range all {
		last := len(spans) - 1
		if last < 0 || p.at > spans[last].at+driver.Ptr(spans[last].bytes+spanGap) {
			spans = append(spans, span{at: p.at})
			last++
		}
		sp := &spans[last]
		sp.parts = append(sp.parts, p)
		sp.bytes = int64(p.at-sp.at) + int64(len(p.bytes))
	}
	return spans
}
