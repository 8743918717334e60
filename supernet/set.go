package supernet

import "hash/maphash"

// Set is a set of architectures, or of networks. It holds the packed form and 32 bits of a hash of each, and no texts.
type Set struct {
	*List  // in the order in which they were added
	name   func(Arch) string
	hash   func(name string) uint32
	first  map[uint32]uint32   // by the hash of a name: the index of the architecture
	others map[uint32][]uint32 // of further architectures with a hash that is in first
}

// NewSet returns an empty set of architectures of s. Architectures of one name are the same: the name is Canonical of s for
// networks, and Format for architectures.
func NewSet(s Space, name func(Arch) string) *Set {
	seed := maphash.MakeSeed()
	return &Set{
		List: NewList(s), name: name, first: map[uint32]uint32{}, others: map[uint32][]uint32{},
		hash: func(name string) uint32 { return uint32(maphash.String(seed, name)) },
	}
}

// Add adds an architecture. It returns false if the set has one of its name.
func (s *Set) Add(a Arch) bool {
	name := s.name(a)
	h, index := s.hash(name), uint32(s.Len())
	if i, ok := s.first[h]; !ok {
		s.first[h] = index
	} else {
		for _, i := range append([]uint32{i}, s.others[h]...) {
			if s.name(s.At(int(i))) == name {
				return false
			}
		}
		s.others[h] = append(s.others[h], index)
	}
	s.Append(a)
	return true
}
