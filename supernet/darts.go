package supernet

import (
	"fmt"
	"slices"
	"strings"
)

// darts is the space of Liu, Simonyan and Yang, "DARTS" (ICLR 2019). A network is a stack of cells of two kinds. A cell reads
// the outputs of the two cells before it, states 0 and 1, and has four nodes, states 2 to 5. A node is the sum of two
// operators on two different earlier states. The cell's output has the channels of its nodes.
type darts struct{ product }

// dartsOps are the operators of a genotype, in the authors' order.
var dartsOps = []string{"max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"}

// These are the operators by index.
const (
	dartsMaxPool = iota
	dartsAvgPool
	dartsSkip
	dartsSep3
	dartsSep5
	dartsDil3
	dartsDil5
)

// dartsKinds are the kinds of cells.
var dartsKinds = [2]string{"normal", "reduce"}

const (
	dartsNodes = 4             // of a cell
	dartsEdges = 2 + 3 + 4 + 5 // of a cell: from each state to each later node
)

// newDARTS makes the space. For each node of each kind of cell, a gene chooses the pair of states that it reads, in the order
// (0,1), (0,2), (1,2), (0,3), …, and two genes choose the operators on them. The first node has no choice of states.
func newDARTS() darts {
	var s darts
	for _, kind := range dartsKinds {
		for n := range dartsNodes {
			name := fmt.Sprintf("%s node %d", kind, n+2)
			if n > 0 {
				var pairs []string
				for _, p := range dartsPairs(n) {
					pairs = append(pairs, fmt.Sprintf("%d,%d", p[0], p[1]))
				}
				s.genes = append(s.genes, Gene{name + " inputs", pairs})
			}
			s.genes = append(s.genes, Gene{name + " first", dartsOps}, Gene{name + " second", dartsOps})
		}
	}
	return s
}

// dartsPairs are the pairs of states that node n can read.
func dartsPairs(n int) [][2]int {
	var pairs [][2]int
	for high := 1; high < n+2; high++ {
		for low := range high {
			pairs = append(pairs, [2]int{low, high})
		}
	}
	return pairs
}

// dartsInput is one input of a node: an operator on a state.
type dartsInput struct{ op, state int }

// dartsCell is a cell's inputs: of each node the one from the earlier state first.
type dartsCell [dartsNodes][2]dartsInput

// cells returns the normal and the reduction cell of a.
func (darts) cells(a Arch) (cells [2]dartsCell) {
	at := 0
	for k := range cells {
		for n := range dartsNodes {
			pair := [2]int{0, 1}
			if n > 0 {
				pair = dartsPairs(n)[a[at]]
				at++
			}
			cells[k][n] = [2]dartsInput{{a[at], pair[0]}, {a[at+1], pair[1]}}
			at += 2
		}
	}
	return cells
}

// arch is the inverse of cells.
func (darts) arch(cells [2]dartsCell) Arch {
	var a Arch
	for _, c := range cells {
		for n, in := range c {
			if n > 0 {
				a = append(a, slices.Index(dartsPairs(n), [2]int{in[0].state, in[1].state}))
			}
			a = append(a, in[0].op, in[1].op)
		}
	}
	return a
}

func (darts) Name() string { return "darts" }

func (darts) About() string {
	return "two cells of 4 nodes, two of 7 operators a node; 32×32"
}

func (darts) Defaults() Config {
	return Config{Space: "darts", BN: Fair, Classes: 10, Height: 32, Width: 32, Channels: 16, Cells: 2, Stem: dartsCIFAR, Gamma: GammaOne}
}

// These are the stems of the authors' networks: a convolution, and three of stride 2.
const (
	dartsCIFAR    = "cifar"
	dartsImageNet = "imagenet"
)

// Stems lists both stems.
func (darts) Stems() []string { return []string{dartsCIFAR, dartsImageNet} }

// Halvings is one for each reduction cell, and three for the stem for ImageNet.
func (darts) Halvings(c Config) int {
	if c.Stem == dartsImageNet {
		return 5
	}
	return 2
}

// LeastChannels is 2 where the first convolution has half of the channels.
func (darts) LeastChannels(c Config) int {
	if c.Stem == dartsImageNet {
		return 2
	}
	return 1
}

// dartsEdge is the place of the edge from a state to node n, in a kind of cell.
func dartsEdge(kind, n, state int) int {
	return kind*dartsEdges + (n*n+3*n)/2 + state
}

// Places lists the edges of both cells, those into one node in the order of their states.
func (darts) Places() []Place {
	var places []Place
	for _, kind := range dartsKinds {
		for n := range dartsNodes {
			for state := range n + 2 {
				places = append(places, Place{fmt.Sprintf("%s %d<-%d", kind, n+2, state), slices.Clone(dartsOps)})
			}
		}
	}
	return places
}

// Chosen returns the operators of the edges of a, and −1 for the others.
func (s darts) Chosen(a Arch) []int {
	chosen := filled(2*dartsEdges, none)
	for kind, cell := range s.cells(a) {
		for n, inputs := range cell {
			for _, in := range inputs {
				chosen[dartsEdge(kind, n, in.state)] = in.op
			}
		}
	}
	return chosen
}

// Cover returns for each operator the architectures in which it is on every edge that they have.
func (s darts) Cover() []Arch {
	var all []Arch
	for op := range dartsOps {
		for i := range dartsPairs(dartsNodes - 1) {
			var cells [2]dartsCell
			for k := range cells {
				for n := range dartsNodes {
					pairs := dartsPairs(n)
					pair := pairs[min(i, len(pairs)-1)]
					cells[k][n] = [2]dartsInput{{op, pair[0]}, {op, pair[1]}}
				}
			}
			all = append(all, s.arch(cells))
		}
	}
	return all
}

// Format writes op:state for the two inputs of each node, as "normal sep_conv_3x3:0 sep_conv_3x3:1 … reduce …".
func (s darts) Format(a Arch) string {
	var words []string
	for kind, cell := range s.cells(a) {
		words = append(words, dartsKinds[kind])
		for _, inputs := range cell {
			for _, in := range inputs {
				words = append(words, fmt.Sprintf("%s:%d", dartsOps[in.op], in.state))
			}
		}
	}
	return strings.Join(words, " ")
}

// Parse reads the form of Format, and the genotype as the authors' Python prints it:
// Genotype(normal=[('sep_conv_3x3', 0), …], normal_concat=range(2, 6), reduce=[…], reduce_concat=[2, 3, 4, 5]). The inputs of a node may
// be a list of their own, as other programs print them: normal=[[('sep_conv_3x3', 0), ('skip_connect', 1)], …].
func (s darts) Parse(text string) (Arch, error) {
	t := tokens{space: s.Name(), text: text}
	var cells [2]dartsCell
	if strings.HasPrefix(strings.TrimSpace(text), "Genotype") {
		cells = dartsGenotype(&t)
	} else {
		for kind, name := range dartsKinds {
			if kind > 0 {
				t.expect(" ")
			}
			t.expect(name)
			for i := range 2 * dartsNodes {
				t.expect(" ")
				op := t.option(t.until(": "), dartsOps)
				t.expect(":")
				cells[kind][i/2][i%2] = dartsInput{op, dartsState(&t, i/2, t.until(" "))}
			}
		}
		t.end()
	}
	if t.err != nil {
		return nil, t.err
	}
	for kind := range cells {
		for n := range cells[kind] {
			in := &cells[kind][n]
			if in[0].state == in[1].state {
				return nil, fmt.Errorf("supernet: %s: %s cell: node %d reads state %d twice; it must read two", s.Name(), dartsKinds[kind], n+2, in[0].state)
			}
			if in[0].state > in[1].state {
				in[0], in[1] = in[1], in[0]
			}
		}
	}
	return s.arch(cells), nil
}

// dartsState reads the state of an input of node n.
func dartsState(t *tokens, n int, token string) int {
	var states []string
	for state := range n + 2 {
		states = append(states, fmt.Sprint(state))
	}
	return t.option(token, states)
}

// dartsGenotype reads a genotype in Python.
func dartsGenotype(t *tokens) (cells [2]dartsCell) {
	expect := func(words ...string) {
		for _, w := range words {
			t.spaces()
			t.expect(w)
		}
	}
	expect("Genotype", "(")
	for kind, name := range dartsKinds {
		expect(name, "=", "[")
		t.spaces()
		nested := t.next("[")
		for i := range 2 * dartsNodes {
			if i > 0 {
				expect(",")
			}
			if nested && i%2 == 0 {
				expect("[")
			}
			expect("(")
			quote := `'`
			if t.spaces(); t.next(`"`) {
				quote = `"`
			}
			t.expect(quote)
			op := t.option(t.until(quote), dartsOps)
			expect(quote, ",")
			t.spaces()
			cells[kind][i/2][i%2] = dartsInput{op, dartsState(t, i/2, t.until(") ,"))}
			expect(")")
			if nested && i%2 == 1 {
				expect("]")
			}
		}
		expect("]", ",", name+"_concat", "=")
		if t.spaces(); t.next("range") {
			expect("range", "(", "2", ",", "6", ")")
		} else {
			expect("[", "2", ",", "3", ",", "4", ",", "5", "]")
		}
		if kind == 0 {
			expect(",")
		}
	}
	expect(")")
	t.spaces()
	t.end()
	return cells
}

// Canonical returns the text: no two architectures are compared beyond it.
func (s darts) Canonical(a Arch) string { return s.Format(a) }

// Alive returns true: every node reaches the output, and every operator lets its input through.
func (darts) Alive(Arch) bool { return true }
