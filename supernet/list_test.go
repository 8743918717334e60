package supernet

import (
	"slices"
	"testing"

	"bnas.example/philox"
)

// TestListKeepsArchitectures: a list gives back what was added, in every space.
func TestListKeepsArchitectures(t *testing.T) {
	for _, s := range spaces() {
		l := NewList(s)
		r := philox.New(1, "list", 0)
		want := s.Cover()
		for range 50 {
			want = append(want, Random(s, r))
		}
		for _, a := range want {
			l.Append(a)
		}
		if l.Len() != len(want) {
			t.Errorf("%s: %d architectures, want %d", s.Name(), l.Len(), len(want))
		}
		for i, a := range want {
			if got := l.At(i); !slices.Equal(got, a) {
				t.Errorf("%s: %d is %v, want %v", s.Name(), i, got, a)
			}
		}
	}
}

// TestListIsSmall: an option takes no more bits than its gene needs.
func TestListIsSmall(t *testing.T) {
	for name, want := range map[string]int{"nas-bench-101": 4, "nas-bench-201": 3, "nas-bench-macro": 2} {
		s, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		l := NewList(s)
		for range 10 {
			l.Append(s.Cover()[0])
		}
		if got := len(l.packed); got != 10*want {
			t.Errorf("%s: %d bytes for 10 architectures, want %d", name, got, 10*want)
		}
	}
}

// TestSetOfOneHash: a set whose hashes are all equal still tells networks apart.
func TestSetOfOneHash(t *testing.T) {
	space, err := Lookup("nas-bench-201")
	if err != nil {
		t.Fatal(err)
	}
	one, usual := NewSet(space, space.Canonical), NewSet(space, space.Canonical)
	one.hash = func(string) uint32 { return 7 }
	seen := map[string]bool{}
	r := philox.New(1, "set", 0)
	for range 200 {
		a := Random(space, r)
		a[0], a[1], a[2] = 0, a[1]%2, 0
		want := !seen[space.Canonical(a)]
		seen[space.Canonical(a)] = true
		if x, y := one.Add(a), usual.Add(a); x != want || y != want {
			t.Errorf("%v is new: %t with one hash, %t with the usual, want %t", a, x, y, want)
		}
	}
	if len(seen) == 200 || one.Len() != len(seen) {
		t.Errorf("%d networks in the set, %d drawn, want fewer than draws", one.Len(), len(seen))
	}
}
