//go:build cgo

package cpu

// #include "entry.h"
// #cgo noescape run_pack
// #cgo nocallback run_pack
import "C"

import (
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"

	"bnas.example/kernels"
	"bnas.example/kernels/hoststore"
)

// store keeps the parameters and packed copies of the frozen weights, in the layouts of the cores.
type store struct {
	*hoststore.Store
	packs  *packs
	serial int          // of a store and its twins among those that have the packs
	names  []weightName // of each parameter, in the keys of packs
}

// weightName is a parameter of a store. Weights that several stores have in common have one name, as long as nobody writes them.
type weightName struct {
	serial int
	id     kernels.ParamID
}

// packs are the packed weights of a store, its twins and the stores that share them. Weights that are the same in several are packed once.
type packs struct {
	mu     sync.Mutex // of the map, the slabs and floats
	all    map[string]*pack
	slabs  []*slab // the last one has room
	floats int     // of all slabs
	limit  int     // floats that the slabs may have together, but for the one in use
	slab   int     // floats of a slab of several packs
	uses   atomic.Uint64
	stores atomic.Int32 // that have or had them: what several have is not written again
}

// used reports whether an Exec or a twin has the packs.
func (p *packs) used() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all) > 0 || p.stores.Load() > 1
}

// packLimit is the most floats of all packs of a store: 1 GiB. A space in which the width of an operator depends on the
// network has packs without end.
const packLimit = 1 << 28

func newStore(params []kernels.Param) *store {
	s := &store{Store: hoststore.New(params), packs: &packs{all: map[string]*pack{}, limit: packLimit, slab: slabFloats}}
	s.packs.stores.Store(1)
	for id := range params {
		s.names = append(s.names, weightName{0, kernels.ParamID(id)})
	}
	return s
}

func (s *store) twin() *store {
	s.packs.stores.Add(1)
	return &store{Store: s.Store.Twin(), packs: s.packs, serial: s.serial, names: slices.Clone(s.names)}
}

// share gives s, which nothing has used yet, the packs of another store.
func (s *store) share(with *store) {
	s.packs, s.serial = with.packs, int(with.packs.stores.Add(1))
	for id, other := range s.Match(with.Store) {
		if other == kernels.NoParam {
			s.names[id] = weightName{s.serial, kernels.ParamID(id)}
		} else {
			s.names[id] = with.names[other]
		}
	}
}

// part gives weights names of their own, and reports whether one had that of another store.
func (s *store) part(ids []kernels.ParamID) bool {
	parted := false
	for _, id := range ids {
		own := weightName{s.serial, id}
		parted = parted || s.names[id] != own
		s.names[id] = own
	}
	return parted
}

// writeGradient writes the gradient of the part of a parameter that has the given shape.
func (s *store) writeGradient(id kernels.ParamID, part []float32, shape ...int) {
	kernels.Scatter(s.Params()[id].View(shape...), s.Slice(id, kernels.Grad), part)
}

// pack holds the concatenated weights of sibling convolutions in the layout of a core.
type pack struct {
	making  sync.Mutex
	weights atomic.Pointer[packedWeights]
}

// packedWeights are the weights of one version of the parameters.
type packedWeights struct {
	slab     *slab
	data     []float32 // in the slab, 64-byte aligned
	versions []uint64
}

// pointer is valid while w is reachable.
func (w *packedWeights) pointer() *C.float { return (*C.float)(&w.data[0]) }

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
func (e *exec) packed(j *convJob) *packedWeights {
	packs := e.store.packs
	if j.pack == nil {
		j.pack = packs.of(j, e.store.names)
	}
	w := j.pack.weights.Load()
	if !w.valid(j.weights, e.store) {
		if w != nil && e.store.part(j.weights) {
			j.pack = packs.of(j, e.store.names)
		}
		w = e.pack(j)
	}
	w.slab.used.Store(packs.uses.Add(1))
	return w
}

// of returns the pack of a job.
func (p *packs) of(j *convJob, names []weightName) *pack {
	key := j.key(names)
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.all[string(key)]
	if k == nil {
		k = &pack{}
		p.all[string(key)] = k
	}
	return k
}

// key returns equal keys for jobs with the same packed weights.
func (j *convJob) key(names []weightName) []byte {
	var key []byte
	for i, id := range j.weights {
		key = binary.AppendVarint(key, int64(names[id].serial))
		key = binary.AppendVarint(key, int64(names[id].id))
		key = binary.AppendVarint(key, int64(j.outs[i]))
	}
	key = binary.AppendVarint(key, int64(j.ins))
	key = binary.AppendVarint(key, int64(j.groups))
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
	again := w != nil && e.store.packs.stores.Load() == 1
	if !again {
		w = e.store.packs.take(int(j.c.pack), len(j.weights))
	}
	at, kernel := e.place(), int(j.c.shape.kernel)
	to := C.struct_pack_slice{ins: C.int(j.ins), groups: C.int(j.groups), turned: flag(j.turned)}
	for i, id := range j.weights {
		outs := j.outs[i]
		v := kernels.Gather(e.store.Params()[id].View(outs, j.ins/j.groups, kernel, kernel), e.store.Slice(id, kernels.Data))
		to.outs = C.int(outs)
		C.run_pack(&at, &j.c, w.pointer(), &to, (*C.float)(&v[0]))
		to.block += C.int(blocks(outs))
		w.versions[i] = e.store.Version(id)
	}
	if !again {
		e.store.packs.replace(j.pack, w)
	}
	return w
}
