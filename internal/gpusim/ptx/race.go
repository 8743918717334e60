package ptx

import (
	"encoding/binary"
	"math/bits"
)

// cell is what is known of one word of shared memory, or of one byte where threads have touched a word in parts.
// Times are the block's phases, the stretches between barriers; they go on counting over all blocks that use the same
// memory, so that nothing has to be cleared.
type cell struct {
	written uint32 // phase of the last write; before the block's first: uninitialised
	read    uint32 // phase of the reads below
	wsync   uint32 // the writer's warp's count of bar.warp.sync at the write
	rsync   uint32
	readers uint32 // lanes of the warp that has read in this phase
	writer  uint16 // thread
	reader  int16  // warp that has read; several: manyWarps
	pending bool   // a cp.async is under way
	atomic  bool   // the last write was atomic
	gap     bool   // between variables
	split   bool   // of a word: its bytes have cells of their own
}

const manyWarps = -1

// shared is a block's shared memory.
type shared struct {
	data  []byte
	words []cell
	bytes map[int]*[4]cell // of the words that are split
	first uint32           // the phase in which the block began
	phase uint32
}

// begin prepares the memory for a new block.
func (s *shared) begin(size int, gaps []int) {
	if s.data == nil {
		s.data = make([]byte, size)
		s.words = make([]cell, (size+3)/4)
		for _, word := range gaps {
			s.words[word].gap = true
		}
	}
	s.phase++
	s.first = s.phase
	s.bytes = nil
}

// split gives the bytes of a word cells of their own.
func (s *shared) split(word int) *[4]cell {
	c := &s.words[word]
	if b := s.bytes[word]; b != nil && c.split && c.written == s.first {
		return b
	}
	b := &[4]cell{*c, *c, *c, *c}
	for i := range b {
		b[i].split = false
	}
	if s.bytes == nil {
		s.bytes = map[int]*[4]cell{}
	}
	s.bytes[word] = b
	// A split word is marked as of this block: the mark of an earlier block is out of date.
	*c = cell{split: true, written: s.first, gap: c.gap}
	return b
}

// each visits the cells of an access of whole words, or of bytes.
func (s *shared) each(at, n int, visit func(c *cell, at, n int)) {
	for n > 0 {
		word := at >> 2
		if c := &s.words[word]; at&3 == 0 && n >= 4 && !(c.split && c.written == s.first) {
			visit(c, at, 4)
			at, n = at+4, n-4
			continue
		}
		visit(&s.split(word)[at&3], at, 1)
		at, n = at+1, n-1
	}
}

// check makes sure that an access is inside and aligned.
func (w *warp) checkShared(lane int, at uint64, n int) bool {
	size := uint64(len(w.block.shared.data))
	switch {
	case at > size || uint64(n) > size-at:
		w.fail(lane, "%d bytes at %d of %d bytes of shared memory: out of bounds", n, int64(at), size)
	case at&uint64(n-1) != 0:
		w.fail(lane, "%d bytes at %d of shared memory: misaligned", n, at)
	default:
		return true
	}
	return false
}

// readShared checks a read by a lane and returns the bytes; nil after a fault.
func (w *warp) readShared(lane int, at uint64, n int) []byte {
	s := &w.block.shared
	if at+uint64(n) > uint64(len(s.data)) || at&uint64(n-1) != 0 || at > uint64(len(s.data)) {
		w.checkShared(lane, at, n)
		return nil
	}
	data := s.data[at : at+uint64(n)]
	if n < 4 {
		s.each(int(at), n, func(c *cell, at, n int) { w.noteRead(c, lane, at) })
		return data
	}
	for i := int(at) >> 2; n > 0; i, n = i+1, n-4 {
		c := &s.words[i]
		// The commonest case first: written in an earlier phase, read by this warp alone.
		if c.read == s.phase && c.rsync == w.syncs && c.reader == int16(w.index) && c.written < s.phase && !c.pending && !c.split {
			c.readers |= 1 << lane
			continue
		}
		if c.split {
			s.each(i*4, 4, func(c *cell, at, n int) { w.noteRead(c, lane, at) })
			continue
		}
		w.noteRead(c, lane, i*4)
	}
	return data
}

func (w *warp) noteRead(c *cell, lane, at int) {
	s := &w.block.shared
	switch {
	case c.gap:
		w.fail(lane, "shared memory at %d: out of bounds, between two variables", at)
		return
	case c.pending && c.written >= s.first:
		w.fail(lane, "shared memory at %d: cp.async of thread %d has not yet delivered", at, c.writer)
		return
	case c.written < s.first:
		w.fail(lane, "shared memory at %d is read but nobody has written it yet", at)
		return
	case c.written == s.phase && !w.after(lane, int(c.writer), c.wsync):
		w.fail(lane, "shared memory at %d: race: thread %d wrote it and no barrier is between", at, c.writer)
		return
	}
	switch {
	case c.read != s.phase:
		c.read, c.reader, c.readers, c.rsync = s.phase, int16(w.index), 1<<lane, w.syncs
	case c.reader == int16(w.index):
		if c.rsync != w.syncs {
			for i := range lanes(c.readers) {
				if w.after(lane, w.index*warpSize+i, c.rsync) {
					c.readers &^= 1 << i
				}
			}
			c.rsync = w.syncs
		}
		c.readers |= 1 << lane
	default:
		c.reader = manyWarps
	}
}

// writeShared is a write by a lane to a place that has been checked. The value is in the low bytes.
func (w *warp) writeShared(lane, at, n int, value uint64) {
	s := &w.block.shared
	if c := &s.words[at>>2]; n == 4 && !c.split {
		data := s.data[at : at+4]
		w.noteWrite(c, lane, at, binary.LittleEndian.Uint32(data) == uint32(value), false)
		binary.LittleEndian.PutUint32(data, uint32(value))
		return
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], value)
	w.noteWrites(lane, at, b[:n], false)
	copy(s.data[at:], b[:n])
}

// noteWrites checks and records a write of the bytes b.
func (w *warp) noteWrites(lane, at int, b []byte, atomic bool) {
	s := &w.block.shared
	start := at
	s.each(at, len(b), func(c *cell, at, n int) {
		same := string(s.data[at:at+n]) == string(b[at-start:at-start+n])
		w.noteWrite(c, lane, at, same, atomic)
	})
}

// noteWrite: two writes of the same value are no race, nor are two atomics.
func (w *warp) noteWrite(c *cell, lane, at int, same, atomic bool) {
	s := &w.block.shared
	thread := w.index*warpSize + lane
	if c.gap {
		w.fail(lane, "shared memory at %d: out of bounds, between two variables", at)
		return
	}
	if c.pending && c.written >= s.first {
		w.fail(lane, "shared memory at %d: cp.async of thread %d is still to be delivered there", at, c.writer)
		return
	}
	if c.written == s.phase && !same && !(atomic && c.atomic) && !w.after(lane, int(c.writer), c.wsync) {
		w.fail(lane, "shared memory at %d: race: thread %d wrote it and no barrier is between", at, c.writer)
		return
	}
	if c.read == s.phase {
		if by := w.unorderedReader(c, lane); by >= 0 {
			w.fail(lane, "shared memory at %d: race: thread %d reads it and no barrier is between", at, by)
			return
		} else if c.reader == manyWarps {
			w.fail(lane, "shared memory at %d: race: threads of several warps read it and no barrier is between", at)
			return
		}
	}
	c.written, c.writer, c.wsync, c.atomic = s.phase, uint16(thread), w.syncs, atomic
	c.split, c.pending = false, false
}

// unorderedReader is a thread that read the cell in this phase and may not yet have done so; -1: none.
func (w *warp) unorderedReader(c *cell, lane int) int {
	if c.reader == manyWarps {
		return -1
	}
	if int(c.reader) != w.index {
		return int(c.reader)*warpSize + bits.TrailingZeros32(c.readers)
	}
	for i := range lanes(c.readers) {
		if thread := w.index*warpSize + i; !w.after(lane, thread, c.rsync) {
			return thread
		}
	}
	return -1
}

// after says whether what a thread did at its warp's sync count lies before what the lane does now, in the same phase:
// the lane itself, or one of its warp with which it has met at a bar.warp.sync since.
func (w *warp) after(lane, thread int, syncs uint32) bool {
	if thread>>5 != w.index {
		return false
	}
	other := thread & 31
	return other == lane || w.met[lane][other] > syncs
}

// meet records that the lanes of m have met.
func (w *warp) meet(m uint32) {
	w.syncs++
	for i := range lanes(m) {
		for j := range lanes(m) {
			w.met[i][j] = w.syncs
		}
	}
}
