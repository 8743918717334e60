package cuda

import (
	"errors"
	"fmt"

	"bnas.example/cuda/driver"
	"bnas.example/kernels"
	"bnas.example/philox"
)

const slots = int(kernels.Moment2) + 1

// A store keeps each slot of all parameters of a kind in one vector: γ, β and the classifiers, whose gradients and
// moments every training needs; and the convolutions' weights, which need them only where all parameters train. A
// vector is made, of zeros, when it is first needed.
type store struct {
	*context
	params  []kernels.Param
	of      *store  // whose Data is that of this one too; nil: it has its own
	at      []int64 // of each parameter in its kind's vectors, in bytes
	size    [vectors]int64
	base    [vectors][slots]driver.Ptr
	version []uint64 // counts changes of Data
	packed  map[packKey]*packing
	update  updateBuffers
	pieces  memory // what a Write scatters
}

// parameterAlign is what the address of a parameter is a multiple of, in bytes. Nothing reads what is between two parameters.
const parameterAlign = 16

// vector is one of the vectors of a slot.
type vector int

const (
	pathVector   vector = iota // γ, β and the classifiers
	weightVector               // the convolutions' weights
	vectors
)

func vectorOf(k kernels.ParamKind) vector {
	if k == kernels.ConvWeight {
		return weightVector
	}
	return pathVector
}

func newStore(c *context, params []kernels.Param) *store {
	s := &store{context: c, params: params, at: make([]int64, len(params)), version: make([]uint64, len(params)), packed: map[packKey]*packing{}}
	for i, p := range params {
		v := vectorOf(p.Kind)
		s.at[i] = s.size[v]
		s.size[v] += (int64(p.Len())*4 + parameterAlign - 1) &^ (parameterAlign - 1)
	}
	return s
}

// Params returns the table.
func (s *store) Params() []kernels.Param { return s.params }

// address is where a slot of a parameter lies.
func (s *store) address(id kernels.ParamID, slot kernels.Slot) (driver.Ptr, error) {
	s = s.owner(slot)
	v := vectorOf(s.params[id].Kind)
	at := &s.base[v][slot]
	if *at == 0 {
		base, err := s.driver.Alloc(align(max(s.size[v], 1)))
		if err != nil {
			return 0, fmt.Errorf("slot %d of the parameters: %w", slot, err)
		}
		if err := s.driver.Fill(driver.Compute, base, 0, s.size[v]); err != nil {
			return 0, errors.Join(err, s.driver.Free(base))
		}
		*at = base
		s.parameters += align(max(s.size[v], 1))
	}
	return s.made(id, slot), nil
}

// owner is the store whose vectors hold a slot.
func (s *store) owner(slot kernels.Slot) *store {
	for slot == kernels.Data && s.of != nil {
		s = s.of
	}
	return s
}

// made is the address of a slot that was made before.
func (s *store) made(id kernels.ParamID, slot kernels.Slot) driver.Ptr {
	s = s.owner(slot)
	return s.base[vectorOf(s.params[id].Kind)][slot] + driver.Ptr(s.at[id])
}

// FillNormal fills a parameter with normal samples on the device.
func (s *store) FillNormal(id kernels.ParamID, r *philox.Stream, sigma float64) error {
	s.version[id]++
	at, err := s.address(id, kernels.Data)
	if err == nil {
		key, counter := r.Origin()
		n := s.params[id].Len()
		err = s.queue(simple("philox_normal", (n+1)/2, at, n, key, counter, sigma))
	}
	return s.about([]kernels.ParamID{id}, err)
}

// close frees the vectors and the packed weights.
func (s *store) close() error {
	var all []driver.Ptr
	for _, slot := range s.base {
		all = append(all, slot[:]...)
	}
	for _, p := range s.packed {
		all = append(all, p.at)
	}
	all = append(all, s.update.list.base, s.update.partial.base, s.pieces.base)
	s.base, s.packed, s.update, s.pieces = [vectors][slots]driver.Ptr{}, nil, updateBuffers{}, memory{}
	var errs []error
	for _, p := range all {
		if p != 0 {
			errs = append(errs, s.driver.Free(p))
		}
	}
	return errors.Join(errs...)
}
