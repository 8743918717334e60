//go:build cgo

package cpu

// #include "entry.h"
// #cgo noescape run_pack
// #cgo nocallback run_pack
import "C"

import (
	"encoding/binary"
	"unsafe"

	"bnas.example/kernels"
	"bnas.example/kernels/hoststore"
)

// store keeps the parameters and packed copies of the frozen weights, in the layouts of the cores.
type store struct {
	*hoststore.Store
	packs  map[string]*pack
	floats int // of all packs
	limit  int // floats that the packs may have together, but for the one in use
	uses   uint64
}

// packLimit is the most floats of all packs of a store: 1 GiB. A space in which the width of an operator depends on the
// network has packs without end.
const packLimit = 1 << 28

func newStore(params []kernels.Param) *store {
	return &store{Store: hoststore.New(params), packs: map[string]*pack{}, limit: packLimit}
}

// writeGradient writes the gradient of the part of a parameter that has the given shape.
func (s *store) writeGradient(id kernels.ParamID, part []float32, shape ...int) {
	kernels.Scatter(s.Params()[id].View(shape...), s.Slice(id, kernels.Grad), part)
}

// pack holds the concatenated weights of sibling convolutions in the layout of a core.
type pack struct {
	data     []float32
	ids      []kernels.ParamID
	versions []uint64
	used     uint64 // when it was used last
}

func (p *pack) valid(s *store) bool {
	for i, id := range p.ids {
		if s.Version(id) != p.versions[i] {
			return false
		}
	}
	return p.data != nil
}

// packed returns the current packed weights of a job, 64-byte aligned.
func (e *exec) packed(j *convJob) *C.float {
	s := e.store
	if j.pack == nil {
		key := j.key()
		if j.pack = s.packs[string(key)]; j.pack == nil {
			j.pack = &pack{ids: j.weights, versions: make([]uint64, len(j.weights))}
			s.packs[string(key)] = j.pack
		}
	}
	s.uses++
	j.pack.used = s.uses
	if !j.pack.valid(s) {
		if j.pack.data == nil {
			s.makeRoom(int(j.c.pack))
			j.pack.data = alignedFloats(int(j.c.pack))
			s.floats += len(j.pack.data)
		}
		e.pack(j)
	}
	return (*C.float)(&j.pack.data[0])
}

// makeRoom drops the packs whose last use is the longest ago until there is room for n floats. A dropped pack is made again
// when it is needed.
func (s *store) makeRoom(n int) {
	for s.floats > 0 && s.floats+n > s.limit {
		var oldest *pack
		for _, p := range s.packs {
			if p.data != nil && (oldest == nil || p.used < oldest.used) {
				oldest = p
			}
		}
		s.floats -= len(oldest.data)
		oldest.data = nil
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
func (e *exec) pack(j *convJob) {
	at, kernel, dst := e.place(), int(j.c.shape.kernel), (*C.float)(&j.pack.data[0])
	to := C.struct_pack_slice{ins: C.int(j.ins), groups: C.int(j.groups), turned: flag(j.turned)}
	for i, id := range j.weights {
		outs := j.outs[i]
		w := kernels.Gather(e.store.Params()[id].View(outs, j.ins/j.groups, kernel, kernel), e.store.Slice(id, kernels.Data))
		to.outs = C.int(outs)
		C.run_pack(&at, &j.c, dst, &to, (*C.float)(&w[0]))
		to.block += C.int(blocks(outs))
		j.pack.versions[i] = e.store.Version(id)
	}
}
