package supernet

import (
	"fmt"
	"slices"
	"strings"
)

// nasBench201 is the space of Dong and Yang, "NAS-Bench-201" (ICLR 2020). Its cell has four nodes and six edges with one
// of five operators each. All cells of a fixed skeleton are the same.
type nasBench201 struct{ product }

func newNASBench201() nasBench201 {
	var s nasBench201
	for _, edge := range nb201Edges {
		s.genes = append(s.genes, Gene{Name: fmt.Sprintf("%d<-%d", edge[0], edge[1]), Options: nb201Ops})
	}
	return s
}

// These are the operators of NAS-Bench-201 in the official order.
const (
	nb201None = iota
	nb201Skip
	nb201Conv1
	nb201Conv3
	nb201Pool
)

var (
	nb201Ops = []string{"none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"}
	// nb201Edges are (target, source) in the official order, which is the order of a cell's layers too.
	nb201Edges = [6][2]int{{1, 0}, {2, 0}, {2, 1}, {3, 0}, {3, 1}, {3, 2}}
)

func (nasBench201) Name() string { return "nas-bench-201" }

func (nasBench201) About() string {
	return "a cell of 4 nodes, one of 5 operators an edge; 32×32, published accuracies"
}

func (nasBench201) Defaults() Config {
	return Config{Space: "nas-bench-201", BN: Fair, Classes: 10, Height: 32, Width: 32, Channels: 16, Cells: 5, Gamma: GammaOne}
}

// Halvings is one for each reduction block.
func (nasBench201) Halvings(Config) int { return 2 }

// Format writes |op~0|+|op~0|op~1|+|op~0|op~1|op~2|.
func (nasBench201) Format(a Arch) string {
	var s strings.Builder
	for e, edge := range nb201Edges {
		if e > 0 && edge[0] != nb201Edges[e-1][0] {
			s.WriteString("|+")
		}
		s.WriteString("|" + nb201Ops[a[e]] + "~" + string(rune('0'+edge[1])))
	}
	s.WriteString("|")
	return s.String()
}

func (nasBench201) Parse(text string) (Arch, error) {
	t := tokens{space: "nas-bench-201", text: text}
	a := make(Arch, len(nb201Edges))
	for e, edge := range nb201Edges {
		if e > 0 && edge[0] != nb201Edges[e-1][0] {
			t.expect("|")
			t.expect("+")
		}
		t.expect("|")
		a[e] = t.option(t.until("~|+"), nb201Ops)
		t.expect("~")
		if got := t.until("|+"); got != string(rune('0'+edge[1])) {
			t.fail(got, "the operator's source, node %d", edge[1])
		}
	}
	t.expect("|")
	t.end()
	return a, t.err
}

// Canonical returns the benchmark's own "unique string". A node is the sorted multiset of its operators' results. The
// result of none, and of an operator on zeros, is '#'; the result of skip is its source. Zeros stay in a sum. Some equal
// networks therefore have different forms, as in the benchmark's own counts. One convolution that a skip repeats has the
// form of two convolutions.
func (nasBench201) Canonical(a Arch) string {
	node := [4]string{"0"}
	for e := 0; e < len(nb201Edges); {
		target := nb201Edges[e][0]
		var in []string
		for ; e < len(nb201Edges) && nb201Edges[e][0] == target; e++ {
			source := node[nb201Edges[e][1]]
			switch {
			case a[e] == nb201None || source == "#":
				in = append(in, "#")
			case a[e] == nb201Skip:
				in = append(in, source)
			default:
				in = append(in, "("+source+")@"+nb201Ops[a[e]])
			}
		}
		slices.Sort(in)
		node[target] = strings.Join(in, "+")
	}
	return node[3]
}

// Alive reports whether edges other than none lead from node 0 to node 3.
func (nasBench201) Alive(a Arch) bool {
	alive := [4]bool{true}
	for e, edge := range nb201Edges {
		if a[e] != nb201None && alive[edge[1]] {
			alive[edge[0]] = true
		}
	}
	return alive[3]
}
