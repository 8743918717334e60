package supernet

import (
	"slices"
	"strings"
	"testing"

	"bnas.example/philox"
)

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ space, text, want string }{
		{"nas-bench-201", "", `byte 1: found nothing, want "|"`},
		{"nas-bench-201", "|conv~0|", `byte 2: found "conv", want one of none, skip_connect`},
		{"nas-bench-201", "|none~1|", `byte 7: found "1", want the operator's source, node 0`},
		{"nas-bench-201", "|none~0|none~0|", `byte 9: found "n", want "+"`},
		{"nas-bench-201", "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|x", `byte 48: found "x", want the end`},
		{"nas-bench-201", "|none~0|+|none~0|none~1|+|none~0|none~1|none~2", `byte 47: found nothing, want "|"`},
		{"nas-bench-201", strings.Repeat("é", 60), `byte 1: found "é"`},
		{"nas-bench-201", "|" + strings.Repeat("x", 60) + "~0|", `byte 2: found "` + strings.Repeat("x", 40) + `…", want one of none`},
		{"nas-bench-macro", "0123", `byte 4: found "3", want one of 0, 1, 2`},
		{"nas-bench-macro", "000", `byte 4: found nothing`},
		{"nas-bench-macro", "000000000", `byte 9: found "0", want the end`},
	} {
		s, err := Lookup(c.space)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := s.Parse(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, %v, want an error with %s", c.text, a, err, c.want)
		}
	}
}

// TestRead: the text of another space is an error that names a space of this text, or an architecture of both.
func TestRead(t *testing.T) {
	for _, s := range Spaces() {
		for _, other := range Spaces() {
			for _, a := range spread(other, 3) {
				text := other.Format(a)
				got, err := Read(s, text)
				switch {
				case err == nil && s.Format(got) != text:
					t.Errorf("%s: %s is read as %s", s.Name(), text, s.Format(got))
				case err != nil && (s.Name() == other.Name() || !strings.Contains(err.Error(), "; it is an architecture of ")):
					t.Errorf("%s: %s: %v", s.Name(), text, err)
				}
			}
		}
		if _, err := Read(s, "nonsense"); err == nil || strings.Contains(err.Error(), "it is an architecture") {
			t.Errorf("%s: nonsense: %v", s.Name(), err)
		}
	}
}

// FuzzParse reads any text in every space. An accepted text must give a valid architecture,
// which its own text form gives again.
func FuzzParse(f *testing.F) {
	for _, s := range Spaces() {
		for _, a := range spread(s, 5) {
			f.Add(s.Format(a))
		}
	}
	f.Add(dartsV2)
	f.Add("[[0, 1, 1], [0, 0, 1], [0, 0, 0]] ['input', 'conv3x3-bn-relu', 'output']")
	f.Add("|none~0|+|none~0|none~1|+")
	f.Add("|none~0|+|none~0|none~1|+|none~0|none~1|\xff~2|")
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range Spaces() {
			a, err := s.Parse(text)
			if err != nil {
				continue
			}
			if err := Validate(s, a); err != nil {
				t.Fatal(err)
			}
			if back, err := s.Parse(s.Format(a)); err != nil || !slices.Equal(a, back) {
				t.Fatalf("%s: read %q, wrote %q, which is %v, %v", s.Name(), text, s.Format(a), back, err)
			}
		}
	})
}

func TestValidate(t *testing.T) {
	s := named(t, "nas-bench-macro")
	for _, a := range []Arch{nil, {0, 1}, {0, 0, 0, 0, 0, 0, 0, 3}, {-1, 0, 0, 0, 0, 0, 0, 0}} {
		if Validate(s, a) == nil {
			t.Errorf("%v is taken for valid", a)
		}
	}
	n := small(t, s, Fair)
	if _, err := n.Program(Arch{1}); err == nil {
		t.Error("lowered an architecture of one gene")
	}
}

// independent reports whether every combination of the options of s is an architecture.
func independent(s Space) bool { return product{s.Genes()}.Count().Cmp(s.Count()) == 0 }

func TestVariation(t *testing.T) {
	for _, s := range Spaces() {
		r := philox.New(1, "variation", 0)
		a, b := Random(s, r), Random(s, r)
		genes := s.Genes()
		want := 0
		for _, g := range genes {
			want += len(g.Options) - 1
		}
		neighbours := neighboursOf(s, a)
		if len(neighbours) != want {
			t.Errorf("%s: %d neighbours, want %d", s.Name(), len(neighbours), want)
		}
		for _, n := range neighbours {
			if distance(a, n) != 1 {
				t.Errorf("%s: %v is no neighbour of %v", s.Name(), n, a)
			}
		}
		if m := Mutate(s, a, 0, r); !slices.Equal(m, a) {
			t.Errorf("%s: mutated with probability 0", s.Name())
		}
		moved, crossed := 0, map[bool]int{}
		for range 200 {
			m := Mutate(s, a, 0.5, r)
			if err := Validate(s, m); err != nil {
				t.Fatal(err)
			}
			moved += distance(a, m)
			for i, o := range Crossover(s, a, b, r) {
				if o != a[i] && o != b[i] {
					t.Fatalf("%s: gene %d of neither parent", s.Name(), i)
				}
				if a[i] != b[i] {
					crossed[o == a[i]]++
				}
			}
		}
		if !independent(s) {
			continue
		}
		expected := 0.
		for _, g := range genes {
			options := float64(len(g.Options))
			expected += 200 * 0.5 * (options - 1) / options
		}
		if d := float64(moved) - expected; d*d > 16*expected {
			t.Errorf("%s: %d genes moved, expected %.0f", s.Name(), moved, expected)
		}
		if d := crossed[true] - crossed[false]; d*d > 16*(crossed[true]+crossed[false]) {
			t.Errorf("%s: crossover takes %d genes of one parent, %d of the other", s.Name(), crossed[true], crossed[false])
		}
	}
}

func distance(a, b Arch) int {
	n := 0
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// optionCounts returns a table of zeros with an element for each option of each gene.
func optionCounts(genes []Gene) [][]int {
	t := make([][]int, len(genes))
	for i, g := range genes {
		t[i] = make([]int, len(g.Options))
	}
	return t
}

func TestRandomIsUniform(t *testing.T) {
	for _, s := range slices.DeleteFunc(Spaces(), func(s Space) bool { return !independent(s) }) {
		r := philox.New(1, "uniform", 0)
		const draws = 3000
		counts := optionCounts(s.Genes())
		for range draws {
			for i, o := range Random(s, r) {
				counts[i][o]++
			}
		}
		for i, c := range counts {
			expected := float64(draws) / float64(len(c))
			for o, n := range c {
				if d := float64(n) - expected; d*d > 25*expected {
					t.Errorf("%s: gene %d: option %d drawn %d times, expected %.0f", s.Name(), i, o, n, expected)
				}
			}
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		space, a, b string
		same        bool
	}{
		{"nas-bench-201", "|skip_connect~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|", "|skip_connect~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|", true},
		{"nas-bench-201", "|none~0|+|none~0|nor_conv_3x3~1|+|avg_pool_3x3~0|none~1|none~2|", "|none~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|", false},
		{"nas-bench-201", "|none~0|+|none~0|nor_conv_3x3~1|+|avg_pool_3x3~0|none~1|none~2|", "|none~0|+|none~0|none~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|", true},
		{"nas-bench-macro", "10011001", "10011010", true},
		{"nas-bench-macro", "10011001", "10011100", false}, // a stage's first layer stays
		{"nas-bench-macro", "10012001", "10021001", false},
	} {
		s, err := Lookup(c.space)
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.Parse(c.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.Parse(c.b)
		if err != nil {
			t.Fatal(err)
		}
		if same := s.Canonical(a) == s.Canonical(b); same != c.same {
			t.Errorf("%s is %s, %s is %s", c.a, s.Canonical(a), c.b, s.Canonical(b))
		}
	}
}

// neighboursOf lists the architectures that differ from a in one gene, gene by gene, option by option.
func neighboursOf(s Space, a Arch) []Arch {
	var all []Arch
	for i, g := range s.Genes() {
		for o := range g.Options {
			if o != a[i] {
				n := slices.Clone(a)
				n[i] = o
				all = append(all, n)
			}
		}
	}
	return all
}
