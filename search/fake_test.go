package search

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bnas.example/indicator"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// fakeSpace has genes with the same number of options. If the last gene has option 0, the option of the gene before it does
// not change the network. An architecture of zeros is dead.
type fakeSpace struct{ genes, options int }

func (f fakeSpace) Name() string { return "fake" }

func (f fakeSpace) Genes() []supernet.Gene {
	genes := make([]supernet.Gene, f.genes)
	for i := range genes {
		genes[i].Name = "gene " + strconv.Itoa(i)
		for o := range f.options {
			genes[i].Options = append(genes[i].Options, strconv.Itoa(o))
		}
	}
	return genes
}

func (f fakeSpace) Places() []supernet.Place     { return nil }
func (f fakeSpace) Chosen(a supernet.Arch) []int { return a }
func (f fakeSpace) Valid(supernet.Arch) error    { return nil }
func (f fakeSpace) Count() *big.Int              { return big.NewInt(int64(f.Size())) }
func (f fakeSpace) Cover() []supernet.Arch       { return nil }

func (f fakeSpace) IndexOf(a supernet.Arch) int {
	i := 0
	for _, o := range a {
		i = i*f.options + o
	}
	return i
}

func (f fakeSpace) Size() int {
	n := 1
	for range f.genes {
		n *= f.options
	}
	return n
}

func (f fakeSpace) At(i int) supernet.Arch {
	a := make(supernet.Arch, f.genes)
	for g := f.genes - 1; g >= 0; g-- {
		a[g] = i % f.options
		i /= f.options
	}
	return a
}

func (f fakeSpace) Parse(text string) (supernet.Arch, error) {
	var a supernet.Arch
	for _, w := range strings.Split(text, "-") {
		o, err := strconv.Atoi(w)
		if err != nil {
			return nil, err
		}
		a = append(a, o)
	}
	return a, nil
}

func (f fakeSpace) Format(a supernet.Arch) string {
	words := make([]string, len(a))
	for i, o := range a {
		words[i] = strconv.Itoa(o)
	}
	return strings.Join(words, "-")
}

func (f fakeSpace) Canonical(a supernet.Arch) string {
	c := append(supernet.Arch(nil), a...)
	if n := len(c); n > 1 && c[n-1] == 0 {
		c[n-2] = 0
	}
	return f.Format(c)
}

func (f fakeSpace) Alive(a supernet.Arch) bool {
	for _, o := range a {
		if o != 0 {
			return true
		}
	}
	return false
}

func (f fakeSpace) Cost(a supernet.Arch, _ supernet.Config) supernet.Cost {
	var c supernet.Cost
	for _, o := range a {
		c.MACs += int64(100 * o)
		c.Params += int64(10 * (f.options - o))
	}
	return c
}

func (f fakeSpace) About() string                                { return "a space of the tests" }
func (f fakeSpace) Lower(*supernet.Builder, supernet.Arch) error { return errors.New("not a network") }
func (f fakeSpace) Defaults() supernet.Config                    { return supernet.Config{Space: "fake"} }

// fakeEvaluator scores with a random table: a value for each option and one for each pair of neighbouring options. It
// counts its calls and calls a function before each.
type fakeEvaluator struct {
	space  fakeSpace
	seed   uint64
	calls  map[string]int // by text
	before func(calls int)
}

// sampling lists the strategies that judge architectures: all but pruning, which judges mixtures of operators.
func sampling() []string {
	return slices.DeleteFunc(Strategies(), func(s string) bool { return s == Pruning })
}

func newFake(space fakeSpace, seed uint64) *fakeEvaluator {
	return &fakeEvaluator{space: space, seed: seed, calls: map[string]int{}}
}

func (e *fakeEvaluator) value(a supernet.Arch) float64 {
	sum := 0.0
	for g, o := range a {
		sum += philox.New(e.seed, "single", uint64(g*64+o)).Float64()
		if g > 0 {
			sum += 0.5 * philox.New(e.seed, "pair", uint64((g*64+a[g-1])*64+o)).Float64()
		}
	}
	return sum
}

func (e *fakeEvaluator) Score(a supernet.Arch) (indicator.Scores, error) {
	if e.before != nil {
		e.before(len(e.calls))
	}
	s := indicator.Scores{Arch: e.space.Format(a), Canonical: e.space.Canonical(a), Values: make([]float64, len(indicator.TermNames()))}
	e.calls[s.Arch]++
	for i := range s.Values {
		s.Values[i] = e.value(a) + float64(i)
		if s.Dead = !e.space.Alive(a); s.Dead {
			s.Values[i] = math.Inf(-1)
		}
	}
	return s, nil
}

// firstTerm returns the objective that is the first term.
func firstTerm(t testing.TB) Objective {
	t.Helper()
	o, err := Fused(indicator.Composite{Name: "first", Terms: indicator.TermNames()[:1]}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (e *fakeEvaluator) total() int {
	n := 0
	for _, c := range e.calls {
		n += c
	}
	return n
}

func texts(all []Found) string {
	var b strings.Builder
	for _, f := range all {
		fmt.Fprintf(&b, "%s %x\n", f.Scores.Arch, math.Float64bits(f.Score))
	}
	return b.String()
}
