package search

import (
	"hash/maphash"

	"bnas.example/supernet"
)

// networks is a set of networks. It holds one architecture and 32 bits of a hash of each, and no texts.
type networks struct {
	space  supernet.Space
	archs  *supernet.List
	hash   func(canonical string) uint32
	first  map[uint32]uint32   // by the hash of the canonical form: an index of archs
	others map[uint32][]uint32 // of further networks with a hash that is in first
}

func newNetworks(space supernet.Space) *networks {
	seed := maphash.MakeSeed()
	return &networks{
		space: space, archs: supernet.NewList(space), first: map[uint32]uint32{}, others: map[uint32][]uint32{},
		hash: func(canonical string) uint32 { return uint32(maphash.String(seed, canonical)) },
	}
}

// add adds the network of a. It returns false if the set has it.
func (n *networks) add(a supernet.Arch) bool {
	name := n.space.Canonical(a)
	h := n.hash(name)
	index := uint32(n.archs.Len())
	if i, ok := n.first[h]; !ok {
		n.first[h] = index
	} else {
		for _, i := range append([]uint32{i}, n.others[h]...) {
			if n.space.Canonical(n.archs.At(int(i))) == name {
				return false
			}
		}
		n.others[h] = append(n.others[h], index)
	}
	n.archs.Append(a)
	return true
}
