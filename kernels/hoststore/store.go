// Package hoststore is the kernels.Store of back ends that compute in host memory: float32 slices, and the optimizers.
// Like every back end's it checks no call: kernels.Guard does.
package hoststore

import (
	"bnas.example/kernels"
)

const slots = int(kernels.Moment2) + 1

// Store keeps the arrays of a parameter table. An array is made, of zeros, when it is first needed.
type Store struct {
	params  []kernels.Param
	arrays  [slots][][]float32
	version []uint64
}

// New returns a Store of zeros.
func New(params []kernels.Param) *Store {
	s := &Store{params: params, version: make([]uint64, len(params))}
	for i := range s.arrays {
		s.arrays[i] = make([][]float32, len(params))
	}
	return s
}

// Params returns the table.
func (s *Store) Params() []kernels.Param { return s.params }

// Slice returns the live array of a slot, of the parameter's length. The id must be in the table.
func (s *Store) Slice(id kernels.ParamID, slot kernels.Slot) []float32 {
	if s.arrays[slot][id] == nil {
		s.arrays[slot][id] = make([]float32, s.params[id].Len())
	}
	return s.arrays[slot][id]
}

// Version counts the changes of a parameter's Data by Write and Update, so that forms packed from it can be kept
// while it stays the same.
func (s *Store) Version(id kernels.ParamID) uint64 { return s.version[id] }

// Read copies a slot to dst.
func (s *Store) Read(id kernels.ParamID, slot kernels.Slot, dst []float32) error {
	copy(dst, s.Slice(id, slot))
	return nil
}

// Write copies src to a slot.
func (s *Store) Write(id kernels.ParamID, slot kernels.Slot, src []float32) error {
	copy(s.Slice(id, slot), src)
	if slot == kernels.Data {
		s.version[id]++
	}
	return nil
}
