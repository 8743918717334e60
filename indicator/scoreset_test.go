package indicator

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// manyScores fills two blocks of a set and begins a third one. It has dead architectures, terms that begin late or have gaps, texts that
// are canonical forms of others, and repeats.
func manyScores() []Scores {
	var all []Scores
	for i := range 2*rowsOfBlock + 100 {
		s := Scores{
			Arch: fmt.Sprint("arch ", i), Canonical: fmt.Sprint("arch ", i/3), Dead: i%7 == 3,
			Values: slices.Repeat([]float64{math.NaN()}, len(terms)),
		}
		if s.Dead {
			s.Values = slices.Repeat([]float64{math.Inf(-1)}, len(terms))
		}
		if !s.Dead || i%14 == 3 {
			s.Values[1] = float64(i)
		}
		if i > rowsOfBlock+50 {
			s.Values[2] = float64(-i)
		}
		if s.Dead && i%21 == 3 {
			s.Values[4] = math.NaN()
		}
		if i%5 == 0 {
			s.Repeats, s.Spread = 3, slices.Repeat([]float64{math.NaN()}, len(terms))
			s.Spread[1] = 1 / float64(i+1)
		}
		all = append(all, s)
	}
	return all
}

func TestScoreSet(t *testing.T) {
	all := manyScores()
	set := SetOf(all)
	if d := cmp.Diff(all, set.List(), cmpopts.EquateNaNs()); d != "" {
		t.Error(d)
	}
	some := []int{2100, 5, 1024, 1023}
	sub := set.pick(some)
	for k, i := range some {
		if d := cmp.Diff(all[i], sub.At(k), cmpopts.EquateNaNs()); d != "" || sub.Dead(k) != all[i].Dead || sub.Arch(k) != all[i].Arch {
			t.Errorf("%d: %s", i, d)
		}
	}
	if set.network(3) != set.network(5) || set.network(3) == set.network(6) {
		t.Errorf("networks %d %d %d of arch 1, 1 and 2", set.network(3), set.network(5), set.network(6))
	}
	if set.Repeats() != 3 || set.pick([]int{1, 2}).Repeats() != 0 {
		t.Errorf("%d repeats", set.Repeats())
	}
	for term, want := range map[int]bool{0: false, 1: true, 2: false} {
		if set.has(term) != want || (set.ascending(term) != nil) != want {
			t.Errorf("term %d: %t", term, set.has(term))
		}
	}
	if empty := (ScoreSet{}); empty.has(0) || empty.ascending(0) != nil || empty.Len() != 0 || empty.SomeLive() == nil {
		t.Error("the empty set has a term")
	}
	for term, want := range map[int][]bool{0: {false, false, false}, 1: {true, true, true}, 2: {false, true, true}} {
		for b, block := range set.from.values.blocks {
			if (block[term] != nil) != want[b] {
				t.Errorf("block %d has memory for term %d: %t", b, term, block[term] != nil)
			}
		}
	}
}

// A file's set is that of its rows, whatever columns it has. A dead row has no value in a term without a column.
func TestScoreSetOfAFile(t *testing.T) {
	set, err := ReadScores(strings.NewReader("dead,ntk,arch,canonical\nfalse,1,a,b\ntrue,-Inf,c,a\nfalse,,b,b\nfalse,1,a,b\n"), "f.csv")
	if err != nil || set.Len() != 3 {
		t.Fatalf("%d rows, %v", set.Len(), err)
	}
	ntk, _ := termIndex("ntk")
	for i, want := range []Scores{{Arch: "a", Canonical: "b"}, {Arch: "c", Canonical: "a", Dead: true}, {Arch: "b", Canonical: "b"}} {
		want.Values = slices.Repeat([]float64{math.NaN()}, len(terms))
		want.Values[ntk] = []float64{1, math.Inf(-1), math.NaN()}[i]
		if d := cmp.Diff(want, set.At(i), cmpopts.EquateNaNs()); d != "" {
			t.Errorf("row %d: %s", i, d)
		}
	}
}

// Texts whose hashes are equal stay apart.
func TestTextSet(t *testing.T) {
	for name, hash := range map[string]func(string) uint64{"usual": nil, "length": func(text string) uint64 { return uint64(len(text)) }} {
		var s textSet
		if _, ok := s.find("x"); ok {
			t.Error("the empty set has x")
		}
		if hash != nil {
			s.index = newHashIndex()
			s.index.hash = hash
		}
		n := textsOfBlock + 10
		for range 2 {
			for i := range n {
				if got := s.intern(fmt.Sprint(i)); got != i || s.at(i) != fmt.Sprint(i) {
					t.Fatalf("%s: %d has the number %d and the text %q", name, i, got, s.at(i))
				}
			}
		}
		if _, ok := s.find("x"); ok || s.len() != n {
			t.Errorf("%s: %d texts, x is %t", name, s.len(), ok)
		}
	}
}
