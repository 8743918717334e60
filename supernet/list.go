package supernet

import "math/bits"

// List holds many architectures of a space in little memory: an option takes as many bits as its gene needs. One of
// NAS-Bench-101 takes four bytes.
type List struct {
	widths []int // bits of each gene
	stride int   // bytes of an architecture
	n      int
	packed []byte
}

// NewList returns an empty list of architectures of s.
func NewList(s Space) *List {
	l := &List{}
	total := 0
	for _, g := range s.Genes() {
		width := bits.Len(uint(max(len(g.Options)-1, 0)))
		l.widths = append(l.widths, width)
		total += width
	}
	l.stride = (total + 7) / 8
	return l
}

// Append adds an architecture. Its options must be in range.
func (l *List) Append(a Arch) {
	at := len(l.packed) * 8
	for range l.stride {
		l.packed = append(l.packed, 0)
	}
	for g, width := range l.widths {
		for b := range width {
			l.packed[(at+b)/8] |= byte(a[g]>>b&1) << ((at + b) % 8)
		}
		at += width
	}
	l.n++
}

// Len returns the number of architectures.
func (l *List) Len() int { return l.n }

// At returns architecture i, which the caller may change.
func (l *List) At(i int) Arch {
	a := make(Arch, len(l.widths))
	at := i * l.stride * 8
	for g, width := range l.widths {
		for b := range width {
			a[g] |= int(l.packed[(at+b)/8]>>((at+b)%8)&1) << b
		}
		at += width
	}
	return a
}
