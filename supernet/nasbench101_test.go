package supernet

import (
	"encoding/binary"
	"encoding/csv"
	"hash/maphash"
	"math"
	"math/big"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/philox"
)

// eachGraph101 visits every graph of n vertices, none of them dead, with at most nine edges.
func eachGraph101(n int, visit func(c *cell101)) {
	pairs := n * (n - 1) / 2
	for edges := range uint(1 << pairs) {
		if bits.OnesCount(edges) > cell101Edges {
			continue
		}
		c := cell101{n: n}
		var in, out uint
		for to := 1; to < n; to++ {
			for from := range to {
				if edges>>gene101(from, to)&1 == 1 {
					c.edge[from][to] = true
					in, out = in|1<<to, out|1<<from
				}
			}
		}
		// Edges lead forwards: a vertex with an edge in and one out is on a path from the input to the output.
		if in == 1<<n-2 && out == 1<<(n-1)-1 {
			visit(&c)
		}
	}
}

// TestCountNASBench101 counts the normal forms.
func TestCountNASBench101(t *testing.T) {
	count := new(big.Int)
	for n := 2; n <= cell101Vertices; n++ {
		graphs := int64(0)
		eachGraph101(n, func(*cell101) { graphs++ })
		operators := new(big.Int).Exp(big.NewInt(int64(len(cell101Ops))), big.NewInt(int64(n-2)), nil)
		count.Add(count, operators.Mul(operators, big.NewInt(graphs)))
	}
	if got := newNASBench101().Count(); got.Cmp(count) != 0 {
		t.Errorf("Count is %v; there are %v", got, count)
	}
}

// TestDistinctNASBench101 goes through all normal forms and counts the distinct graphs, by a hash of 64 bits that is made as
// the authors' is.
func TestDistinctNASBench101(t *testing.T) {
	if os.Getenv("BNAS_LONG") == "" {
		t.Skip("set BNAS_LONG=1")
	}
	seed := maphash.MakeSeed()
	sum := func(words ...uint64) uint64 {
		var b [8 * (2*cell101Vertices + 1)]byte
		for i, w := range words {
			binary.LittleEndian.PutUint64(b[8*i:], w)
		}
		return maphash.Bytes(seed, b[:8*len(words)])
	}
	seen := map[uint64]bool{}
	for n := 2; n <= cell101Vertices; n++ {
		eachGraph101(n, func(c *cell101) {
			for code := range intPow(len(cell101Ops), n-2) {
				for v, rest := 1, code; v < n-1; v++ {
					c.op[v], rest = rest%len(cell101Ops), rest/len(cell101Ops)
				}
				seen[fastHash101(c, sum)] = true
			}
		})
	}
	if want := newNASBench101().Distinct(); len(seen) != want {
		t.Errorf("%d distinct graphs, want %d", len(seen), want)
	}
}

func intPow(base, exponent int) int {
	p := 1
	for range exponent {
		p *= base
	}
	return p
}

// fastHash101 is cell101.hash with another hash function.
func fastHash101(c *cell101, sum func(...uint64) uint64) uint64 {
	var hashes [cell101Vertices]uint64
	for v := range c.n {
		label := uint64(2 + c.op[v])
		if v == 0 || v == c.n-1 {
			label = uint64(min(v, 1))
		}
		var in, out uint64
		for w := range c.n {
			if c.edge[w][v] {
				in++
			}
			if c.edge[v][w] {
				out++
			}
		}
		hashes[v] = sum(out, in, label)
	}
	for range c.n {
		var next [cell101Vertices]uint64
		for v := range c.n {
			var words [2*cell101Vertices + 1]uint64
			in, out := words[:0], []uint64(nil)
			for w := range c.n {
				if c.edge[w][v] {
					in = append(in, hashes[w])
				}
			}
			slices.Sort(in)
			k := len(in)
			out = append(in, 0)
			for w := range c.n {
				if c.edge[v][w] {
					out = append(out, hashes[w])
				}
			}
			slices.Sort(out[k+1:])
			next[v] = sum(append(out, hashes[v])...)
		}
		hashes = next
	}
	slices.Sort(hashes[:c.n])
	return sum(hashes[:c.n]...)
}

// TestTableNASBench101 compares the hash and the number of parameters of every row of a table of NAS-Bench-101 with ours.
// The folder of the table is in BNAS_BENCHMARKS.
func TestTableNASBench101(t *testing.T) {
	dir := os.Getenv("BNAS_BENCHMARKS")
	if dir == "" {
		t.Skip("set BNAS_BENCHMARKS to the folder of nasbench101_5k_cifar10.csv")
	}
	f, err := os.Open(filepath.Join(dir, "nasbench101_5k_cifar10.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	s := newNASBench101()
	column := func(name string) int { return slices.Index(rows[0], name) }
	for i, row := range rows[1:] {
		text := row[column("adjacency")] + "|" + row[column("ops")]
		a, err := s.Parse(text)
		if err != nil {
			t.Fatalf("row %d: %v", i+1, err)
		}
		if got, want := s.Canonical(a), row[column("hash")]; got != want {
			t.Fatalf("row %d: %s: hash %s, want %s", i+1, text, got, want)
		}
		if p := row[column("params")]; p != "" {
			if got := s.Cost(a, s.Defaults()).Params; strconv.FormatInt(got, 10) != p {
				t.Fatalf("row %d: %s: %d parameters, want %s", i+1, text, got, p)
			}
		}
	}
	t.Logf("%d rows", len(rows)-1)
}

// TestGoldenNASBench101 holds rows of the published table: hash and parameters.
func TestGoldenNASBench101(t *testing.T) {
	s := newNASBench101()
	for _, row := range []struct {
		text, hash string
		params     int64
	}{
		{"100000|10010|1100|101|10|1|1m1m3", "00010e19334eb9dcbe1fe61a98d524c2", 3292298},
		{"100011|10001|1000|100|10|1|1mm1m", "00026451221bded903fc966775a71792", 2277770},
	} {
		a, err := s.Parse(row.text)
		if err != nil {
			t.Fatal(err)
		}
		if hash, params := s.Canonical(a), s.Cost(a, s.Defaults()).Params; hash != row.hash || params != row.params {
			t.Errorf("%s: hash %s and %d parameters, want %s and %d", row.text, hash, params, row.hash, row.params)
		}
	}
}

// TestParseNASBench101 reads several texts of one cell, and wrong ones.
func TestParseNASBench101(t *testing.T) {
	s := newNASBench101()
	for _, c := range []struct{ text, want string }{
		{"11|1|3", "11|1|3"},
		{"  11|1|3", "11|1|3"},
		{"1|", "1|"},
		{"[[0, 1, 1], [0, 0, 1], [0, 0, 0]] ['input', 'conv3x3-bn-relu', 'output']", "11|1|3"},
		{`[[0,1,1],[0,0,1],[0,0,0]], ["input","conv3x3-bn-relu","output"]`, "11|1|3"},
		{"011|01|1|m3", "11|1|3"}, // vertex 1 is not reached
		{"101|00|1|m3", "1|"},     // vertex 1 leads nowhere, vertex 2 is not reached
		{"[[0,1,1,0],[0,0,0,1],[0,0,0,0],[0,0,0,0]] ['input','conv1x1-bn-relu','maxpool3x3','output']", "10|1|1"},
	} {
		a, err := s.Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Format(a); got != c.want {
			t.Errorf("%s is %s, want %s", c.text, got, c.want)
		}
	}
	for _, c := range []struct{ text, want string }{
		{"", "found nothing, want a row of 1 to 6 digits"},
		{"1111111|", `found "1111111", want a row of 1 to 6 digits`},
		{"12|1|3", `byte 1: found "12", want 2 digits 0 or 1, the edges from vertex 0`},
		{"00|0", `byte 5: found nothing, want "|"`},
		{"11|11|3", `byte 4: found "11", want 1 digits`},
		{"11|1|33", `byte 6: found "33", want 1 operators, each of 3, 1, m`},
		{"11|1|x", `found "x", want one of 3, 1, m`},
		{"10|0|3", "no path leads from the input to the output"},
		{"11111|1111|111|11|1|3333", "15 edges on paths from the input to the output; there are at most 9"},
		{"[[0,1],[1,0]]['input','output']", "an edge from vertex 1 to 0"},
		{"[[0,1],[0,1]]['input','output']", "an edge from vertex 1 to 1"},
		{"[[0,1,1],[0,0,1],[0,0]]['input','maxpool3x3','output']", `found "a row of 2", want 3 numbers in each row`},
		{"11|1|", "found nothing, want 1 operators"},
		{"[[0,1]]['input','output']", `found "1 rows", want 2 to 7`},
		{"[[0,1],[0]]['input','output']", "2 numbers in each row"},
		{"[[0,1],[0,0]]['input']", `want ","`},
		{"[[0,1],[0,0]]['output','input']", `found "output", want one of input`},
		{"[[0,1],[0,0]]['input','output'] x", `found "x", want the end`},
		{"|nor_conv_3x3~0|", "want a row of 1 to 6 digits"},
	} {
		if _, err := s.Parse(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.text, err, c.want)
		}
	}
}

// TestRandomNASBench101: random architectures are uniform over the normal forms. Those of seven vertices are as frequent among
// them as in the space.
func TestRandomNASBench101(t *testing.T) {
	s := newNASBench101()
	graphs := 0
	eachGraph101(cell101Vertices, func(*cell101) { graphs++ })
	share := float64(graphs*intPow(len(cell101Ops), cell101Inner)) / normalForms101
	r := philox.New(3, t.Name(), 0)
	const draws = 2000
	n := 0.0
	for range draws {
		if c := s.cell(Random(s, r)); c.n == cell101Vertices {
			n++
		}
	}
	if sd := math.Sqrt(draws * share * (1 - share)); !(math.Abs(n-draws*share) <= 4*sd) {
		t.Errorf("%v of %d have seven vertices, want %.0f ± %.0f", n, draws, draws*share, sd)
	}
}

// TestMutateNASBench101: an edge or an operator that can change alone does so in some mutant.
func TestMutateNASBench101(t *testing.T) {
	s := newNASBench101()
	a, err := s.Parse("110000|10000|1000|100|10|1|3333m")
	if err != nil {
		t.Fatal(err)
	}
	r := philox.New(4, t.Name(), 0)
	seen := map[string]bool{}
	for range 3000 {
		seen[s.Format(Mutate(s, a, .1, r))] = true
	}
	alone := 0
	for g, gene := range s.Genes() {
		for option := range gene.Options {
			b := slices.Clone(a)
			b[g] = option
			if option == a[g] || s.Valid(b) != nil {
				continue
			}
			if alone++; !seen[s.Format(b)] {
				t.Errorf("%s is no mutant", s.Format(b))
			}
		}
	}
	if alone < 20 {
		t.Errorf("%d neighbours only", alone)
	}
}

// TestChannelsNASBench101: the vertices before the output share its channels, the first have one more. Another has as many as the
// widest vertex that it leads to.
func TestChannelsNASBench101(t *testing.T) {
	var c cell101
	c.n = 6
	for _, e := range [][2]int{{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 4}, {2, 5}, {3, 5}, {4, 5}} {
		c.edge[e[0]][e[1]] = true
	}
	for out, want := range map[int][]int{11: {4, 4, 4, 3, 11}, 10: {4, 4, 3, 3, 10}, 9: {3, 3, 3, 3, 9}} { // vertex 1 leads to 2 and 4
		channels := c.channels(out)
		if got := channels[1:c.n]; !slices.Equal(got, want) {
			t.Errorf("channels %v of %d, want %v", got, out, want)
		}
	}
}

// TestActivationsNASBench101: each module of a vertex or a projection has a ReLU. A max pool without a BatchNorm needs none, for its inputs
// are not negative.
func TestActivationsNASBench101(t *testing.T) {
	const begin = "stem.0:linear stem.2:relu cells.0.projections.1.0:linear cells.0.vertices.1.0:relu "
	for _, c := range []struct {
		bn         Placement
		arch, want string
	}{
		{Fair, "100|10|1|3m", begin + "cells.0.vertices.2.0:relu cells.0.vertices.2.2:relu"}, // a convolution, then a max pool
		{Standard, "100|10|1|3m", begin + "cells.0.vertices.2.0:relu"},
		// Vertices 2 and 3 read vertex 1: its ReLU is stored once.
		{Standard, "1000|110|01|1|333", begin + "cells.0.vertices.1.2:relu cells.0.vertices.2.0:linear cells.0.vertices.3.0:linear cells.0.concat:relu"},
	} {
		bn, want := c.bn, c.want
		n := build(t, Config{Space: "nas-bench-101", BN: bn, Cells: 1, Channels: 4, Height: 8, Width: 8})
		p := programOf(t, n, c.arch)
		pool := slices.IndexFunc(p.Steps, func(s kernels.Step) bool { return s.Name == "pools.0" })
		if got := activations(p.Steps[:pool]); got != want {
			t.Errorf("%s, %s:\n%s\nwant\n%s", bn, c.arch, got, want)
		}
	}
}
