//go:build cgo

package cpu

// #include "entry.h"
import "C"

import (
	"cmp"
	"runtime"
	"slices"
	"sync/atomic"
	"unsafe"
)

// slab is memory that several packs share. All packs of a supernet are hundreds of megabytes of small pieces: in slabs they lie in huge
// pages, which the processor has at hand, and the garbage collector does not count them. A slab is freed when nobody has one of its packs
// any more.
type slab struct {
	room  []float32
	taken int           // floats
	packs []*pack       // whose weights are here
	used  atomic.Uint64 // when one of them was used last
}

// slabFloats is the size of a slab: 8 MiB, four huge pages.
const slabFloats = 8 << 20 / 4

// packAlignment is that of a pack, in floats: a cache line.
const packAlignment = 16

func newSlab(floats int) *slab {
	base := C.new_floats(C.size_t(floats))
	if base == nil {
		return slabOfGo(floats)
	}
	s := &slab{room: unsafe.Slice((*float32)(unsafe.Pointer(base)), floats)}
	runtime.AddCleanup(s, func(base *C.float) { C.free_floats(base, C.size_t(floats)) }, base)
	return s
}

// slabOfGo returns a slab of Go's memory. Go ends the program where it has none either. It is pinned: C gets lists of packs.
func slabOfGo(floats int) *slab {
	s, pin := &slab{room: alignedFloats(floats)}, new(runtime.Pinner)
	pin.Pin(&s.room[0])
	runtime.AddCleanup(s, (*runtime.Pinner).Unpin, pin)
	return s
}

// take returns room for so many floats, at least one, and for as many versions.
func (p *packs) take(floats, versions int) *packedWeights {
	floats = max(floats, 1)
	n := (floats + packAlignment - 1) / packAlignment * packAlignment
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.last(); s == nil || s.taken+n > len(s.room) {
		p.grow(max(n, min(p.slab, p.floats, p.limit/64))) // a small network has small slabs
	}
	s := p.last()
	w := &packedWeights{slab: s, data: s.room[s.taken : s.taken+floats : s.taken+floats], versions: make([]uint64, versions)}
	s.taken += n
	return w
}

func (p *packs) last() *slab {
	if len(p.slabs) == 0 {
		return nil
	}
	return p.slabs[len(p.slabs)-1]
}

// grow adds a slab. It first drops those whose last use is the longest ago until there is room.
func (p *packs) grow(floats int) {
	for p.floats > 0 && p.floats+floats > p.limit {
		p.drop(slices.MinFunc(p.slabs, func(a, b *slab) int { return cmp.Compare(a.used.Load(), b.used.Load()) }))
	}
	s := newSlab(floats)
	s.used.Store(p.uses.Add(1))
	p.slabs = append(p.slabs, s)
	p.floats += floats
}

// drop drops a slab with its packs, which are made again when they are needed. Who uses them in the meantime keeps them.
func (p *packs) drop(s *slab) {
	for _, k := range s.packs {
		k.weights.Store(nil)
	}
	p.slabs = slices.DeleteFunc(p.slabs, func(t *slab) bool { return t == s })
	p.floats -= len(s.room)
}

// replace puts weights into a pack. A slab that has none any more is dropped.
func (p *packs) replace(k *pack, w *packedWeights) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.slabs, w.slab) {
		return // dropped in the meantime
	}
	w.slab.packs = append(w.slab.packs, k)
	old := k.weights.Swap(w)
	if old == nil {
		return
	}
	at := slices.Index(old.slab.packs, k)
	old.slab.packs = slices.Delete(old.slab.packs, at, at+1)
	if len(old.slab.packs) == 0 && old.slab != p.last() {
		p.drop(old.slab)
	}
}

// alignedFloats returns zeros at a 64-byte boundary, at least one.
func alignedFloats(n int) []float32 {
	buf := make([]float32, n+packAlignment)
	skip := int(-uintptr(unsafe.Pointer(&buf[0]))%64) / 4
	return buf[skip : skip+max(n, 1)]
}
