// Package hoststore implements kernels.Store for back ends that compute in host memory: float32 slices and the
// optimizers. Like every back end's Store it checks no call; kernels.Guard checks them.
package hoststore

import (
	"slices"
	"sync/atomic"

	"bnas.example/kernels"
)

const slots = int(kernels.Moment2) + 1

// Store keeps the arrays of a parameter table. It allocates an array, filled with zeros, when it is first needed.
type Store struct {
	Threads int // of an Update; 0 is 1

	params  []kernels.Param
	arrays  [slots][][]float32
	version []uint64
	changes *atomic.Uint64 // of a Store and its twins
}

// New returns a Store whose slots are all zero.
func New(params []kernels.Param) *Store {
	s := &Store{params: params, version: make([]uint64, len(params)), changes: &atomic.Uint64{}}
	for i := range s.arrays {
		s.arrays[i] = make([][]float32, len(params))
	}
	return s
}

// Twin returns a Store with a copy of the Data of s. Its versions are those of s. Each may be used from its own goroutine.
func (s *Store) Twin() *Store {
	twin := New(s.params)
	twin.Threads, twin.changes = s.Threads, s.changes
	copy(twin.version, s.version)
	for id, data := range s.arrays[kernels.Data] {
		twin.arrays[kernels.Data][id] = slices.Clone(data)
	}
	return twin
}

// Match finds the parameters of s that have the name, the shape and the Data of one of t, and gives them its version. It returns that
// parameter for each of s, NoParam where there is none. From then on no change of the one has a version that the other had.
func (s *Store) Match(t *Store) []kernels.ParamID {
	for {
		seen := t.changes.Load()
		if t.changes.CompareAndSwap(seen, max(seen, s.changes.Load())) {
			break
		}
	}
	s.changes = t.changes
	named := make(map[string]kernels.ParamID, len(t.params))
	for id, p := range t.params {
		named[p.Name] = kernels.ParamID(id)
	}
	same := func(id, other kernels.ParamID) bool {
		return slices.Equal(s.params[id].Shape, t.params[other].Shape) && slices.Equal(s.Slice(id, kernels.Data), t.Slice(other, kernels.Data))
	}
	found := make([]kernels.ParamID, len(s.params))
	for i, p := range s.params {
		other, ok := named[p.Name]
		if found[i] = kernels.NoParam; ok && same(kernels.ParamID(i), other) {
			found[i], s.version[i] = other, t.version[other]
		}
	}
	return found
}

// Params returns the parameter table.
func (s *Store) Params() []kernels.Param { return s.params }

// Slice returns the array of a slot itself, not a copy. The id must be in the table.
func (s *Store) Slice(id kernels.ParamID, slot kernels.Slot) []float32 {
	if s.arrays[slot][id] == nil {
		s.arrays[slot][id] = make([]float32, s.params[id].Len())
	}
	return s.arrays[slot][id]
}

// Version numbers the contents of a parameter's Data: Write and Update give them a number that neither this Store nor a twin had.
// Packed copies of a parameter remain valid while its version stays the same.
func (s *Store) Version(id kernels.ParamID) uint64 { return s.version[id] }

// Read copies a slot of ids to dst.
func (s *Store) Read(slot kernels.Slot, dst []float32, ids ...kernels.ParamID) error {
	for _, id := range ids {
		dst = dst[copy(dst, s.Slice(id, slot)):]
	}
	return nil
}

// QueueRead copies at once.
func (s *Store) QueueRead(slot kernels.Slot, dst []float32, ids ...kernels.ParamID) *kernels.Pending[kernels.Nothing] {
	return kernels.Done(kernels.Nothing{}, s.Read(slot, dst, ids...))
}

// Write copies src to a slot of ids.
func (s *Store) Write(slot kernels.Slot, src []float32, ids ...kernels.ParamID) error {
	for _, id := range ids {
		src = src[copy(s.Slice(id, slot), src):]
		if slot == kernels.Data {
			s.version[id] = s.changes.Add(1)
		}
	}
	return nil
}
