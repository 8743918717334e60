//go:build cgo

package cpu

// #include "entry.h"
// #cgo noescape run_pack
// #cgo nocallback run_pack
import "C"

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"unsafe"

	"bnas.example/kernels"
	"bnas.example/kernels/hoststore"
)

// store keeps the parameters and packed copies of the frozen weights, in the layouts of the cores.
type store struct {
	*hoststore.Store
	packs *packs
}

// packs are the packed weights of a store and its twins. They are packed once for all stores that have the same weights.
type packs struct {
	mu     sync.Mutex // of the map and of floats
	all    map[string]*pack
	floats int // of all packs
	limit  int // floats that the packs may have together, but for the one in use
	uses   atomic.Uint64
	twins  atomic.Bool // several stores have them: what is packed is not written again
}

// packLimit is the most floats of all packs of a store: 1 GiB. A space in which the width of an operator depends on the
// network has packs without end.
const packLimit = 1 << 28

func newStore(params []kernels.Param) *store {
	return &store{Store: hoststore.New(params), packs: &packs{all: map[string]*pack{}, limit: packLimit}}
}

func (s *store) twin() *store {
	s.packs.twins.Store(true)
	return &store{Store: s.Store.Twin(), packs: s.packs}
}

// writeGradient writes the gradient of the part of a parameter that has the given shape.
func (s *store) writeGradient(id kernels.ParamID, part []float32, shape ...int) {
	kernels.Scatter(s.Params()[id].View(shape...), s.Slice(id, kernels.Grad), part)
}

// pack holds the concatenated weights of sibling convolutions in the layout of a core.
type pack struct {
	used    atomic.Uint64 // when it was used last
	making  sync.Mutex
	weights atomic.Pointer[packedWeights]
}

// packedWeights are the weights of one version of the parameters.
type packedWeights struct {
	data     []float32 // 64-byte aligned
	versions []uint64
}

// valid reports whether w has the weights of a store.
func (w *packedWeights) valid(ids []kernels.ParamID, s *store) bool {
	if w == nil {
		return false
	}
	for i, id := range ids {
		if s.Version(id) != w.versions[i] {
			return false
		}
	}
	return true
}

// packed returns the current packed weights of a job.
func (e *exec) packed(j *convJob) *C.float {
	packs := e.store.packs
	if j.pack == nil {
		j.pack = packs.of(j)
	}
	j.pack.used.Store(packs.uses.Add(1))
	w := j.pack.weights.Load()
	if !w.valid(j.weights, e.store) {
		w = e.pack(j)
	}
	return (*C.float)(&w.data[0])
}

// of returns the pack of a job.
func (p *packs) of(j *convJob) *pack {
	key := j.key()
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.all[string(key)]
	if k == nil {
		k = &pack{}
		p.all[string(key)] = k
	}
	return k
}

// replace puts weights into a pack, and drops those packs whose last use is the longest ago until there is room for them. A dropped
// pack is made again when it is needed.
func (p *packs) replace(k *pack, w *packedWeights) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(k)
	for p.floats > 0 && p.floats+len(w.data) > p.limit {
		var oldest *pack
		for _, q := range p.all {
			if q.weights.Load() != nil && (oldest == nil || q.used.Load() < oldest.used.Load()) {
				oldest = q
			}
		}
		p.drop(oldest)
	}
	p.floats += len(w.data)
	k.weights.Store(w)
}

// drop drops the weights of a pack. A store that uses them in the meantime keeps them.
func (p *packs) drop(k *pack) {
	if w := k.weights.Swap(nil); w != nil {
		p.floats -= len(w.data)
	}
}

// alignedFloats returns zeros at a 64-byte boundary, at least one.
func alignedFloats(n int) []float32 {
	buf := make([]float32, n+lanes)
	skip := int(-uintptr(unsafe.Pointer(&buf[0]))%64) / 4
	return buf[skip : skip+max(n, 1)]
}

// key returns equal keys for jobs with the same packed weights.
func (j *convJob) key() []byte {
	var key []byte
	for i, id := range j.weights {
		key = binary.AppendVarint(key, int64(id))
		key = binary.AppendVarint(key, int64(j.outs[i]))
	}
	key = binary.AppendVarint(key, int64(j.ins))
	if j.turned {
		key = append(key, 1)
	}
	key = append(key, C.GoString(j.c.core.name)...)
	sh := &j.c.shape
	for _, v := range [...]C.int{sh.cb, sh.kb, sh.h, sh.w, sh.ph, sh.pw, sh.kernel, sh.stride, sh.dilation, sh.depthwise, sh.tail} {
		key = binary.AppendVarint(key, int64(v))
	}
	return key
}

// pack packs the weights of each sibling of a job.
func (e *exec) pack(j *convJob) *packedWeights {
	j.pack.making.Lock()
	defer j.pack.making.Unlock()
	w := j.pack.weights.Load()
	if w.valid(j.weights, e.store) {
		return w // a twin has made it in the meantime
	}
	again := w != nil && !e.store.packs.twins.Load()
	if !again {
		w = &packedWeights{alignedFloats(int(j.c.pack)), make([]uint64, len(j.weights))}
	}
	at, kernel, dst := e.place(), int(j.c.shape.kernel), (*C.float)(&w.data[0])
	to := C.struct_pack_slice{ins: C.int(j.ins), groups: C.int(j.groups), turned: flag(j.turned)}
	for i, id := range j.weights {
		outs := j.outs[i]
		v := kernels.Gather(e.store.Params()[id].View(outs, j.ins/j.groups, kernel, kernel), e.store.Slice(id, kernels.Data))
		to.outs = C.int(outs)
		C.run_pack(&at, &j.c, dst, &to, (*C.float)(&v[0]))
		to.block += C.int(blocks(outs))
		w.versions[i] = e.store.Version(id)
	}
	if !again {
		e.store.packs.replace(j.pack, w)
	}
	return w
}
