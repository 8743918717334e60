package train

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"bnas.example/supernet"
)

func TestPathsAreAFunctionOfSeedAndStep(t *testing.T) {
	for _, s := range supernet.Spaces() {
		for _, sampling := range []Sampling{Uniform, Strict} {
			c := Config{Seed: 1, Sampling: sampling}
			first := c.Paths(s, 1000)
			c.Paths(s, 3)
			if again := c.Paths(s, 1000); !reflect.DeepEqual(first, again) {
				t.Errorf("%s, %s: step 1000 gave %v, then %v", s.Name(), sampling, first, again)
			}
			if next := c.Paths(s, 1001); reflect.DeepEqual(first, next) {
				t.Errorf("%s, %s: steps 1000 and 1001 are both %v", s.Name(), sampling, first)
			}
			c.Seed = 2
			if other := c.Paths(s, 1000); reflect.DeepEqual(first, other) {
				t.Errorf("%s, %s: seeds 1 and 2 both give %v", s.Name(), sampling, first)
			}
		}
	}
}

// All options of a gene must be equally likely: each count is within six standard deviations of its expectation.
func TestUniformPaths(t *testing.T) {
	const n = 4000
	for _, s := range supernet.Spaces() {
		if _, ok := s.(supernet.Wired); ok {
			continue
		}
		genes := s.Genes()
		counts := optionCounts(genes)
		c := Config{Seed: 9, Sampling: Uniform}
		for step := range n {
			paths := c.Paths(s, step)
			if len(paths) != 1 || !s.Alive(paths[0]) {
				t.Fatalf("%s: step %d: paths %v, want one live architecture", s.Name(), step, paths)
			}
			for i, o := range paths[0] {
				counts[i][o]++
			}
		}
		for i, g := range genes {
			// The dead 2 % of NAS-Bench-201 lean towards "none"; 3 % of the count allows for them.
			p := 1 / float64(len(g.Options))
			slack := 0.03*n*p + 6*math.Sqrt(n*p*(1-p))
			for o, k := range counts[i] {
				if d := float64(k) - n*p; d > slack || d < -slack {
					t.Errorf("%s: %s %s: drawn %d times of %d, want %.0f ± %.0f", s.Name(), g.Name, g.Options[o], k, n, n*p, slack)
				}
			}
		}
	}
}

// After any number of steps the counts of a gene's options are equal or, within a round, differ by one.
func TestStrictPathsAreFair(t *testing.T) {
	spaces := append(supernet.Spaces(), unequal{supernet.Spaces()[0]})
	for _, s := range spaces {
		if _, ok := s.(supernet.Wired); ok {
			continue
		}
		genes := s.Genes()
		k := supernet.MostOptions(genes)
		counts := optionCounts(genes)
		c := Config{Seed: 4, Sampling: Strict}
		for step := range 50 {
			paths := c.Paths(s, step)
			if len(paths) != k {
				t.Fatalf("%s: step %d: %d paths, want %d", s.Name(), step, len(paths), k)
			}
			for _, a := range paths {
				if err := supernet.Validate(s, a); err != nil {
					t.Fatal(err)
				}
				for i, o := range a {
					counts[i][o]++
				}
			}
			for i, g := range genes {
				least, most := slices.Min(counts[i]), slices.Max(counts[i])
				if allowed := min(1, (step+1)*k%len(g.Options)); most-least > allowed {
					t.Fatalf("%s: step %d: %s: counts %v differ by more than %d", s.Name(), step, g.Name, counts[i], allowed)
				}
			}
		}
	}
}

// TestStrictOperators: where genes choose the wiring too, the paths of a step have the same wiring, and each place has each
// of its operators in one of them.
func TestStrictOperators(t *testing.T) {
	s, err := supernet.Lookup("nas-bench-101")
	if err != nil {
		t.Fatal(err)
	}
	wirings := map[string]bool{}
	c := Config{Seed: 4, Sampling: Strict}
	for step := range 50 {
		paths := c.Paths(s, step)
		counts := supernet.ByOperator[int](s.Places())
		for _, a := range paths {
			if err := supernet.Validate(s, a); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a[:21], paths[0][:21]) {
				t.Fatalf("step %d: paths of two wirings: %v and %v", step, a, paths[0])
			}
			for place, o := range s.Chosen(a) {
				if o >= 0 {
					counts[place][o]++
				}
			}
		}
		for place, o := range s.Chosen(paths[0]) {
			if want := []int{1, 1, 1}; o >= 0 && !slices.Equal(counts[place], want) {
				t.Fatalf("step %d: place %d: counts %v, want %v", step, place, counts[place], want)
			}
		}
		wirings[fmt.Sprint(paths[0][:21])] = true
	}
	if len(wirings) < 40 {
		t.Errorf("%d wirings in 50 steps", len(wirings))
	}
}

// optionCounts returns a table of zeros with an element for each option of each gene.
func optionCounts(genes []supernet.Gene) [][]int {
	t := make([][]int, len(genes))
	for i, g := range genes {
		t[i] = make([]int, len(g.Options))
	}
	return t
}

// unequal is a space whose first gene has two options and whose second has three.
type unequal struct{ supernet.Space }

func (u unequal) Name() string { return "unequal" }
func (u unequal) Genes() []supernet.Gene {
	g := slices.Clone(u.Space.Genes())
	g[0].Options = g[0].Options[:2]
	g[1].Options = g[1].Options[:3]
	return g
}
