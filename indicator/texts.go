package indicator

import (
	"hash/maphash"
	"iter"
)

// textList is a list of texts. Many share a block of memory: a text costs its bytes and 8 more.
type textList struct {
	full []string // the texts of each full block, joined
	last []byte   // those of the last block
	ends []int    // of each text, in its block
}

const textsOfBlock = 1 << 10

func (l *textList) len() int { return len(l.ends) }

func (l *textList) add(text string) {
	l.last = append(l.last, text...)
	l.ends = append(l.ends, len(l.last))
	if len(l.ends)%textsOfBlock == 0 {
		l.full, l.last = append(l.full, string(l.last)), l.last[:0]
	}
}

func (l *textList) at(i int) string {
	from := 0
	if i%textsOfBlock > 0 {
		from = l.ends[i-1]
	}
	if b := i / textsOfBlock; b < len(l.full) {
		return l.full[b][from:l.ends[i]]
	}
	return string(l.last[from:l.ends[i]])
}

// hashIndex finds the places of texts by their hashes, in about 30 bytes a text. The caller compares the texts. The zero index has none.
type hashIndex struct {
	hash   func(text string) uint64
	places map[uint64]int64   // of the first text with a hash
	others map[uint64][]int64 // of further texts with a hash that is in places
}

func newHashIndex() hashIndex {
	seed := maphash.MakeSeed()
	return hashIndex{
		hash:   func(text string) uint64 { return maphash.String(seed, text) },
		places: map[uint64]int64{}, others: map[uint64][]int64{},
	}
}

// note adds a text.
func (x *hashIndex) note(text string, place int64) {
	h := x.hash(text)
	if _, ok := x.places[h]; ok {
		x.others[h] = append(x.others[h], place)
	} else {
		x.places[h] = place
	}
}

// candidates are the places of all texts that may be this one.
func (x *hashIndex) candidates(text string) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		if len(x.places) == 0 {
			return
		}
		h := x.hash(text)
		place, ok := x.places[h]
		if !ok || !yield(place) {
			return
		}
		for _, place := range x.others[h] {
			if !yield(place) {
				return
			}
		}
	}
}

// textSet is a list of different texts. The zero set has none.
type textSet struct {
	textList
	index hashIndex
}

// find returns the number of a text.
func (s *textSet) find(text string) (i int, ok bool) {
	for place := range s.index.candidates(text) {
		if s.at(int(place)) == text {
			return int(place), true
		}
	}
	return 0, false
}

// intern returns the number of a text, and adds one that is new.
func (s *textSet) intern(text string) int {
	if i, ok := s.find(text); ok {
		return i
	}
	if s.index.hash == nil {
		s.index = newHashIndex()
	}
	s.index.note(text, int64(s.len()))
	s.add(text)
	return s.len() - 1
}

// rowsByText finds the row of a text of a set.
type rowsByText []int32 // by text: its row + 1, or 0

func (r rowsByText) row(text int) (row int, ok bool) {
	if text >= len(r) || r[text] == 0 {
		return 0, false
	}
	return int(r[text]) - 1, true
}

func (r *rowsByText) put(text, row int) {
	for len(*r) <= text {
		*r = append(*r, 0)
	}
	(*r)[text] = int32(row) + 1
}
