//go:build cgo

package cpu

// #include "entry.h"
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
func (s *store) packed(j *convJob) *C.float {
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
		dense := j.dense(s)
		C.run_pack(&j.c, (*C.float)(&j.pack.data[0]), (*C.float)(&dense[0]))
		for i, id := range j.pack.ids {
			j.pack.versions[i] = s.Version(id)
		}
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

// dense lays out the weights as pack functions read them: [output][input][kernel][kernel] with whole blocks of
// channels for each sibling. Groups become a block-diagonal matrix; turned, outputs and inputs change places and the
// window is turned round.
func (j *convJob) dense(s *store) []float32 {
	sh := &j.c.shape
	taps := int(sh.kernel * sh.kernel)
	in := int(sh.cb) * lanes
	if sh.depthwise != 0 {
		in = 1
	}
	dst := make([]float32, int(sh.kb)*lanes*in*taps)
	base := 0
	for i, id := range j.weights {
		outs, perGroup := j.outs[i], j.ins/j.groups
		kernel := int(sh.kernel)
		w := kernels.Gather(s.Params()[id].View(outs, perGroup, kernel, kernel), s.Slice(id, kernels.Data))
		for o := range outs {
			row, first := w[o*perGroup*taps:][:perGroup*taps], o/(outs/j.groups)*perGroup
			switch {
			case !j.turned && sh.depthwise == 0:
				copy(dst[((base+o)*in+first)*taps:], row)
			case !j.turned:
				copy(dst[(base+o)*taps:], row)
			case sh.depthwise != 0:
				turn(dst[(base+o)*taps:], row)
			default:
				for c := range perGroup {
					turn(dst[((first+c)*in+base+o)*taps:], row[c*taps:][:taps])
				}
			}
		}
		base += blocks(outs) * lanes
	}
	return dst
}

// turn writes a window turned round.
func turn(dst, window []float32) {
	for t, v := range window {
		dst[len(window)-1-t] = v
	}
}
