package cuda

import (
	"cmp"
	"fmt"
	"slices"

	"bnas.example/cuda/driver"
	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
)

// A Read of parameters copies the spans of their vectors in which they lie, through pinned memory, and waits once. γ, β and
// classifiers of a path are one span, with the parameters of other paths between them: to copy those too takes microseconds, a copy
// for each parameter takes a hundred of them. A Write copies parameters that lie at many places in one piece, from which a launch
// takes them.

// These are the numbers of bytes between two parameters above which they are two spans: in a copy to the host, and in one to the
// device, which must not change what lies between them.
const (
	readGap  = 1 << 20
	writeGap = parameterAlign - 1
)

// mostPinned is the number of bytes up to which a copy goes through pinned memory.
const mostPinned = 64 << 20

// mostRuns is the number of spans without a gap that a Write sends one by one.
const mostRuns = 16

// placed is a slot of a parameter.
type placed struct {
	in    vector
	at    driver.Ptr
	bytes []byte // the array on the host
}

// span is a part of a vector with some parameters, in the order of their addresses.
type span struct {
	part
	params []placed
}

// Read copies a slot of ids to dst.
func (s *store) Read(slot kernels.Slot, dst []float32, ids ...kernels.ParamID) error {
	_, err := s.QueueRead(slot, dst, ids...).Wait()
	return err
}

// QueueRead queues the copies.
func (s *store) QueueRead(slot kernels.Slot, dst []float32, ids ...kernels.ParamID) *kernels.Pending[kernels.Nothing] {
	all, err := s.place(slot, dst, ids)
	if err != nil || len(all) == 0 {
		return kernels.Done(kernels.Nothing{}, err)
	}
	spans := spansOf(all, readGap)
	if bytesIn(spans) > mostPinned {
		return kernels.Done(kernels.Nothing{}, s.about(ids, s.readPlainly(all)))
	}
	a, err := s.fetch(spans)
	return filled(a, s.about(ids, err), func(b []byte) {
		for _, sp := range spans {
			for _, p := range sp.params {
				copy(p.bytes, b[p.at-sp.at:])
			}
			b = b[sp.bytes:]
		}
	})
}

// readPlainly copies parameter after parameter, and waits for each.
func (s *store) readPlainly(all []placed) error {
	for _, p := range all {
		if err := s.driver.CopyOut(driver.Compute, p.bytes, p.at); err != nil {
			return err
		}
	}
	return nil
}

func bytesIn(spans []span) (bytes int64) {
	for _, sp := range spans {
		bytes += sp.bytes
	}
	return bytes
}

// fetch queues the copies of spans to the host.
func (s *store) fetch(spans []span) (arrival, error) {
	parts := make([]part, len(spans))
	for i, sp := range spans {
		parts[i] = sp.part
	}
	return s.landings.fetch(parts...)
}

// Write copies src to a slot of ids. It waits only for what is large.
func (s *store) Write(slot kernels.Slot, src []float32, ids ...kernels.ParamID) error {
	if slot == kernels.Data {
		for _, id := range ids {
			s.version[id]++
		}
	}
	all, err := s.place(slot, src, ids)
	if err != nil {
		return err
	}
	runs := spansOf(all, writeGap)
	if len(runs) <= mostRuns || bytesIn(runs) > mostPinned {
		return s.about(ids, s.send(runs))
	}
	return s.about(ids, s.scatter(all))
}

// send queues the copies of spans without gaps.
func (s *store) send(runs []span) error {
	for _, sp := range runs {
		b := sp.params[0].bytes
		if len(sp.params) > 1 {
			b = make([]byte, sp.bytes)
			for _, p := range sp.params {
				copy(b[p.at-sp.at:], p.bytes)
			}
		}
		if err := s.upload(sp.at, b); err != nil {
			return err
		}
	}
	return nil
}

// scatter sends all that is to be written, with the list of its places, and queues the launch that puts it there.
func (s *store) scatter(all []placed) error {
	list := make([]gpu.Piece, len(all))
	size := align(int64(len(bytesOf(list))))
	data := size
	for _, p := range all {
		data += int64(len(p.bytes))
	}
	if err := s.pieces.reserve(s.driver, data); err != nil {
		return err
	}
	b := make([]byte, size, data)
	for i, p := range all {
		list[i] = gpu.Piece{To: p.at, From: s.pieces.base + driver.Ptr(len(b)), Length: int64(len(p.bytes) / 4)}
		b = append(b, p.bytes...)
	}
	copy(b, bytesOf(list))
	if err := s.upload(s.pieces.base, b); err != nil {
		return err
	}
	return s.queue(blocks("scatter", len(list), 1, s.pieces.base, len(list)))
}

// place returns where a slot of ids lies on the device and in an array.
func (s *store) place(slot kernels.Slot, array []float32, ids []kernels.ParamID) ([]placed, error) {
	all := make([]placed, len(ids))
	for i, id := range ids {
		n := s.params[id].Len()
		at, err := s.address(id, slot)
		if err != nil {
			return nil, s.about([]kernels.ParamID{id}, err)
		}
		all[i] = placed{vectorOf(s.params[id].Kind), at, bytesOf(array[:n])}
		array = array[n:]
	}
	return all, nil
}

// about adds the parameters to an error. It returns nil for nil.
func (s *store) about(ids []kernels.ParamID, err error) error {
	switch {
	case err == nil:
		return nil
	case len(ids) == 1:
		return fmt.Errorf("parameter %d (%s): %w", ids[0], s.params[ids[0]].Name, err)
	}
	return fmt.Errorf("%d parameters: %w", len(ids), err)
}

// spansOf returns the spans of parameters between which there is no larger gap. It sorts them.
func spansOf(all []placed, gap int64) []span {
	slices.SortFunc(all, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	var spans []span
	for _, p := range all {
		last := len(spans) - 1
		if last < 0 || p.in != spans[last].params[0].in || p.at > spans[last].at+driver.Ptr(spans[last].bytes+gap) {
			spans = append(spans, span{part: part{at: p.at}})
			last++
		}
		sp := &spans[last]
		sp.params = append(sp.params, p)
		sp.bytes = int64(p.at-sp.at) + int64(len(p.bytes))
	}
	return spans
}
