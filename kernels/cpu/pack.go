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

// pack holds the weights of one convolution, or of siblings for their input gradient, in the layout of a core.
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

// often is how many input gradients of siblings a program computes from the weights of each, which other sets of siblings have too. Then it
// gets those of all together, which are faster to read: all-3x3 of NAS-Bench-201 takes 1.03 of the time without. A network that is scored,
// or a path of a supernet, runs fewer times: to pack the weights of every set would take it longer, and several times the memory.
const often = 4

// packed adds the current packed weights of a job to e.desc: of each branch, or of all branches together for their input gradient.
func (e *exec) packed(j *convJob) {
	each := 1
	if j.turned {
		j.runs++
		if j.runs > often {
			each = len(j.weights)
		}
		if j.runs == often+1 {
			clear(j.packs)
		}
	}
	for from := 0; from < len(j.weights); from += each {
		w := e.packedOf(j, from, from+each)
		e.desc.weights, e.desc.packs = append(e.desc.weights, w), append(e.desc.packs, w.pointer())
	}
}

// packedOf returns the current packed weights of some branches of a job.
func (e *exec) packedOf(j *convJob, from, to int) *packedWeights {
	packs, ids := e.store.packs, j.weights[from:to]
	if j.packs[from] == nil {
		j.packs[from] = packs.of(j.key(from, to, e.store.names))
	}
	w := j.packs[from].weights.Load()
	if !w.valid(ids, e.store) {
		if w != nil && e.store.part(ids) {
			j.packs[from] = packs.of(j.key(from, to, e.store.names))
		}
		w = e.pack(j, from, to)
	}
	w.slab.used.Store(packs.uses.Add(1))
	return w
}

// of returns the pack of a key.
func (p *packs) of(key []byte) *pack {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.all[string(key)]
	if k == nil {
		k = &pack{}
		p.all[string(key)] = k
	}
	return k
}

// key returns equal keys for branches with the same packed weights.
func (j *convJob) key(from, to int, names []weightName) []byte {
	var key []byte
	for i := from; i < to; i++ {
		name := names[j.weights[i]]
		for _, v := range [...]int{name.serial, int(name.id), j.outs[i]} {
			key = binary.AppendVarint(key, int64(v))
		}
	}
	for _, v := range [...]int{j.ins, j.groups, int(j.c.shape.kernel)} {
		key = binary.AppendVarint(key, int64(v))
	}
	if j.turned {
		key = append(key, 1)
	}
	return append(key, C.GoString(j.c.core.name)...)
}

// pack packs the weights of some branches of a job.
func (e *exec) pack(j *convJob, from, to int) *packedWeights {
	k, ids := j.packs[from], j.weights[from:to]
	k.making.Lock()
	defer k.making.Unlock()
	w := k.weights.Load()
	if w.valid(ids, e.store) {
		return w // a twin has made it in the meantime
	}
	kb, cb := C.int(blocks(j.outs[from])), j.c.shape.cb
	if j.turned {
		kb, cb = j.c.shape.kb, 0
		for _, outs := range j.outs[from:to] {
			cb += C.int(blocks(outs))
		}
	}
	again := w != nil && e.store.packs.stores.Load() == 1
	if !again {
		w = e.store.packs.take(int(C.pack_floats(&j.c, kb, cb)), len(ids))
	}
	at, kernel := e.place(), int(j.c.shape.kernel)
	dense := C.struct_dense{ins: C.int(j.ins), groups: C.int(j.groups), taps: C.int(kernel * kernel), turned: flag(j.turned)}
	for i, id := range ids {
		outs := j.outs[from+i]
		v := kernels.Gather(e.store.Params()[id].View(outs, j.ins/j.groups, kernel, kernel), e.store.Slice(id, kernels.Data))
		across := cb
		if j.turned {
			across = C.int(blocks(outs))
		}
		dense.outs = C.int(outs)
		C.run_pack(&at, &j.c, w.pointer(), kb, cb, &dense, across, (*C.float)(&v[0]))
		if j.turned {
			dense.c0 += across
		}
		w.versions[i] = e.store.Version(id)
	}
	if !again {
		e.store.packs.replace(k, w)
	}
	return w
}
