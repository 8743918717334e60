package supernet

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// nasBench101 is the space of Ying et al., "NAS-Bench-101" (ICML 2019). A network is a stack of equal cells. A cell is a graph
// of at most seven vertices and nine edges. A vertex applies an operator to the sum of its inputs. The output concatenates
// the inner vertices before it. An edge from the cell's input is a 1×1 convolution with BatchNorm and ReLU of its own.
//
// A graph has several lists of genes: dead vertices do not count. An architecture is a list in normal form: the vertices in
// the order of the text, the absent ones last, without edges and with the first operator. Random architectures are uniform
// over the normal forms; a graph with several of them is drawn more often.
type nasBench101 struct{ product }

// cell101Inner is the largest number of inner vertices.
const cell101Inner = cell101Vertices - 2

// newNASBench101 makes the space. A gene of each pair of vertices tells whether there is an edge. A gene of each inner vertex
// chooses its operator.
func newNASBench101() nasBench101 {
	var s nasBench101
	for to := 1; to < cell101Vertices; to++ {
		for from := range to {
			s.genes = append(s.genes, Gene{fmt.Sprintf("%s<-%s", vertex101(to), vertex101(from)), []string{"0", "1"}})
		}
	}
	for v := 1; v <= cell101Inner; v++ {
		s.genes = append(s.genes, Gene{"vertex " + vertex101(v), cell101Ops})
	}
	return s
}

// vertex101 names a vertex of a cell of seven.
func vertex101(v int) string {
	switch v {
	case 0:
		return "input"
	case cell101Vertices - 1:
		return "output"
	}
	return fmt.Sprint(v)
}

// gene101 is the gene of the edge between two vertices, the index that the authors' generator gives it.
func gene101(from, to int) int { return from + to*(to-1)/2 }

// graph returns the graph of all seven vertices.
func (nasBench101) graph(a Arch) cell101 {
	c := cell101{n: cell101Vertices}
	for to := range c.n {
		for from := range to {
			c.edge[from][to] = a[gene101(from, to)] == 1
		}
	}
	for v := 1; v <= cell101Inner; v++ {
		c.op[v] = a[gene101(0, cell101Vertices)+v-1]
	}
	return c
}

// cell returns the cell of an architecture.
func (s nasBench101) cell(a Arch) cell101 {
	g := s.graph(a)
	c, _ := g.pruned()
	return c
}

// arch returns the architecture of a pruned cell.
func (s nasBench101) arch(c *cell101) Arch {
	a := make(Arch, len(s.genes))
	place := func(v int) int { // among seven vertices
		if v == c.n-1 {
			return cell101Vertices - 1
		}
		return v
	}
	for to := range c.n {
		for from := range to {
			if c.edge[from][to] {
				a[gene101(place(from), place(to))] = 1
			}
		}
	}
	for v := 1; v < c.n-1; v++ {
		a[gene101(0, cell101Vertices)+v-1] = c.op[v]
	}
	return a
}

func (nasBench101) Name() string { return "nas-bench-101" }

func (nasBench101) About() string {
	return "a cell of up to 7 vertices and 9 edges, 3 operators; 32×32, published accuracies"
}

func (nasBench101) Defaults() Config {
	return Config{Space: "nas-bench-101", BN: Fair, Classes: 10, Height: 32, Width: 32, Channels: 128, Cells: 3, Gamma: GammaOne}
}

// Halvings is one for each pool.
func (nasBench101) Halvings(Config) int { return 2 }

// LeastChannels is a channel for each vertex before the output.
func (nasBench101) LeastChannels(Config) int { return cell101Widest }

// Places lists the inner vertices. The projections of the input belong to no place.
func (nasBench101) Places() []Place {
	var places []Place
	for v := 1; v <= cell101Inner; v++ {
		places = append(places, Place{"vertex " + vertex101(v), slices.Clone(cell101Ops)})
	}
	return places
}

// Chosen returns the operators of the vertices of a, and −1 for the absent ones.
func (s nasBench101) Chosen(a Arch) []int {
	c := s.cell(a)
	chosen := filled(cell101Inner, none)
	for v := 1; v < c.n-1; v++ {
		chosen[v-1] = c.op[v]
	}
	return chosen
}

// OperatorGene is the gene of the vertex.
func (nasBench101) OperatorGene(place int) int { return gene101(0, cell101Vertices) + place }

// Wiring returns the edges of the cell.
func (s nasBench101) Wiring(a Arch) [][2]int {
	var edges [][2]int
	for to := range cell101Vertices {
		for from := range to {
			if a[gene101(from, to)] == 1 {
				edges = append(edges, [2]int{from, to})
			}
		}
	}
	return edges
}

// Valid returns an error if a has too many edges, no path from input to output, or is not in normal form.
func (s nasBench101) Valid(a Arch) error {
	g := s.graph(a)
	c, ok := g.pruned()
	if err := c.check(ok); err != nil {
		return err
	}
	if c.edges() != g.edges() || !slices.Equal(s.arch(&c), a) {
		return errors.New("a vertex is on no path from the input to the output, and not left out as the last ones are")
	}
	return nil
}

// check returns an error if c, the result of pruned, is no cell of the space.
func (c *cell101) check(connected bool) error {
	if !connected {
		return errors.New("no path leads from the input to the output")
	}
	if n := c.edges(); n > cell101Edges {
		return fmt.Errorf("%d edges on paths from the input to the output; there are at most %d", n, cell101Edges)
	}
	return nil
}

// Count returns the number of normal forms. Equal graphs may have several: there are 423,624 distinct graphs.
func (nasBench101) Count() *big.Int { return big.NewInt(normalForms101) }

// Distinct returns the number of distinct graphs, as the authors count them.
func (nasBench101) Distinct() int { return 423_624 }

// Cover returns four cells of all vertices in a chain: one of each operator with projections to the first four vertices, and
// one with projections to the last two.
func (s nasBench101) Cover() []Arch {
	chain := func(op int, from0 ...int) Arch {
		c := cell101{n: cell101Vertices}
		for v := 1; v < c.n; v++ {
			c.edge[v-1][v] = true
			c.op[v] = op
		}
		for _, v := range from0 {
			c.edge[0][v] = true
		}
		return s.arch(&c)
	}
	return []Arch{chain(cell101Conv3, 2, 3, 4), chain(cell101Conv1, 2, 3, 4), chain(cell101MaxPool, 2, 3, 4), chain(cell101Conv3, 5, 6)}
}

// letters101 are the operators in the text form.
var letters101 = []string{"3", "1", "m"}

// Format writes the rows of the upper triangle of the adjacency matrix and the operators of the inner vertices, as
// 100000|10010|1100|101|10|1|1m1m3.
func (s nasBench101) Format(a Arch) string {
	c := s.cell(a)
	var text strings.Builder
	for from := range c.n - 1 {
		for to := from + 1; to < c.n; to++ {
			if c.edge[from][to] {
				text.WriteByte('1')
			} else {
				text.WriteByte('0')
			}
		}
		text.WriteByte('|')
	}
	for v := 1; v < c.n-1; v++ {
		text.WriteString(letters101[c.op[v]])
	}
	return text.String()
}

// Parse reads the form of Format, and the matrix with its labels as the authors' Python prints them:
// [[0, 1, 1], [0, 0, 1], [0, 0, 0]] ['input', 'conv3x3-bn-relu', 'output']. It leaves out dead vertices.
func (s nasBench101) Parse(text string) (Arch, error) {
	t := tokens{space: s.Name(), text: text}
	var c cell101
	if t.spaces(); t.next("[") {
		c = parseMatrix101(&t)
	} else {
		c = parseRows101(&t)
	}
	if t.err != nil {
		return nil, t.err
	}
	p, ok := c.pruned()
	if err := p.check(ok); err != nil {
		return nil, fmt.Errorf("supernet: %s: %w", s.Name(), err)
	}
	return s.arch(&p), nil
}

// parseRows101 reads the rows of the upper triangle. The length of the first gives the number of vertices.
func parseRows101(t *tokens) (c cell101) {
	row := t.until("|")
	c.n = len(row) + 1
	if c.n < 2 || c.n > cell101Vertices {
		t.fail(row, "a row of 1 to %d digits 0 or 1, the edges from the input", cell101Vertices-1)
		return c
	}
	for from := range c.n - 1 {
		if from > 0 {
			row = t.until("|")
		}
		if len(row) != c.n-1-from || strings.Trim(row, "01") != "" {
			t.fail(row, "%d digits 0 or 1, the edges from vertex %d", c.n-1-from, from)
			return c
		}
		for k, digit := range []byte(row) {
			c.edge[from][from+1+k] = digit == '1'
		}
		t.expect("|")
	}
	ops := t.until("")
	if t.err != nil {
		return c
	}
	if len(ops) != c.n-2 {
		t.fail(ops, "%d operators, each of %s", c.n-2, strings.Join(letters101, ", "))
		return c
	}
	for v := 1; v < c.n-1; v++ {
		c.op[v] = t.option(ops[v-1:v], letters101)
	}
	return c
}

// parseMatrix101 reads the whole matrix and the labels of all vertices.
func parseMatrix101(t *tokens) (c cell101) {
	matrix := t.matrix()
	if t.err != nil {
		return c
	}
	if c.n = len(matrix); c.n < 2 || c.n > cell101Vertices {
		t.fail(fmt.Sprintf("%d rows", c.n), "2 to %d", cell101Vertices)
		return c
	}
	for from, row := range matrix {
		if len(row) != c.n {
			t.fail(fmt.Sprintf("a row of %d", len(row)), "%d numbers in each row", c.n)
			return c
		}
		for to, bit := range row {
			if bit == 1 && to <= from {
				t.fail(fmt.Sprintf("an edge from vertex %d to %d", from, to), "edges that lead forwards")
				return c
			}
			c.edge[from][to] = bit == 1
		}
	}
	if t.next(",") {
		t.sign(",")
	}
	t.labels101(&c)
	t.end()
	return c
}

// sign reads a sign between spaces.
func (t *tokens) sign(text string) {
	t.spaces()
	t.expect(text)
	t.spaces()
}

// matrix reads a list of lists of bits.
func (t *tokens) matrix() (rows [][]int) {
	t.sign("[")
	for {
		var row []int
		t.sign("[")
		for {
			row = append(row, t.option(t.until(",] \n\t\r"), []string{"0", "1"}))
			if t.spaces(); t.err != nil || !t.next(",") {
				break
			}
			t.sign(",")
		}
		t.sign("]")
		rows = append(rows, row)
		if t.err != nil || !t.next(",") {
			break
		}
		t.sign(",")
	}
	t.sign("]")
	return rows
}

// labels101 reads the label of each vertex, in quotes.
func (t *tokens) labels101(c *cell101) {
	t.sign("[")
	for v := range c.n {
		if v > 0 {
			t.sign(",")
		}
		quote := "'"
		if t.next(`"`) {
			quote = `"`
		}
		t.expect(quote)
		switch label := t.until(quote); v {
		case 0:
			t.option(label, []string{"input"})
		case c.n - 1:
			t.option(label, []string{"output"})
		default:
			c.op[v] = t.option(label, cell101Ops)
		}
		t.expect(quote)
	}
	t.sign("]")
}

// Canonical returns the authors' hash of the graph.
func (s nasBench101) Canonical(a Arch) string {
	c := s.cell(a)
	return c.hash()
}

// Alive returns true: a path leads from the input to the output, and every operator lets its input through.
func (nasBench101) Alive(Arch) bool { return true }
