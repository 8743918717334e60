package supernet

import (
	"crypto/md5"
	"fmt"
	"slices"
	"strings"
)

// These are the limits of NAS-Bench-101.
const (
	cell101Vertices = 7 // input and output included
	cell101Edges    = 9
	cell101Widest   = 4 // inner vertices before the output: five would need ten edges
)

// cell101Ops are the operators of an inner vertex, in the authors' order.
var cell101Ops = []string{"conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"}

// These are the operators by index.
const (
	cell101Conv3 = iota
	cell101Conv1
	cell101MaxPool
)

// cell101 is a cell: a graph of n vertices, in an order in which each edge leads forwards. Vertex 0 is the input, vertex n−1
// the output, every other an operator.
type cell101 struct {
	n    int
	edge [cell101Vertices][cell101Vertices]bool // from, to
	op   [cell101Vertices]int                   // of the inner vertices
}

func (c *cell101) edges() int {
	count := 0
	for from := range c.n {
		for to := from + 1; to < c.n; to++ {
			if c.edge[from][to] {
				count++
			}
		}
	}
	return count
}

// live reports for each vertex whether a path from the input to the output goes through it.
func (c *cell101) live() (live [cell101Vertices]bool) {
	var reached, reaches [cell101Vertices]bool
	reached[0], reaches[c.n-1] = true, true
	for to := range c.n {
		for from := range to {
			reached[to] = reached[to] || reached[from] && c.edge[from][to]
		}
	}
	for from := c.n - 1; from >= 0; from-- {
		for to := from + 1; to < c.n; to++ {
			reaches[from] = reaches[from] || reaches[to] && c.edge[from][to]
		}
	}
	for v := range c.n {
		live[v] = reached[v] && reaches[v]
	}
	return live
}

// pruned returns c without its dead vertices. ok is false if the input does not reach the output.
func (c *cell101) pruned() (p cell101, ok bool) {
	live := c.live()
	var kept []int
	for v := range c.n {
		if live[v] {
			kept = append(kept, v)
		}
	}
	if len(kept) < 2 {
		return p, false
	}
	p.n = len(kept)
	for to, was := range kept {
		p.op[to] = c.op[was]
		for from, source := range kept[:to] {
			p.edge[from][to] = c.edge[source][was]
		}
	}
	return p, true
}

// inner lists the inner vertices with an edge to v.
func (c *cell101) inner(v int) []int {
	var sources []int
	for from := 1; from < v; from++ {
		if c.edge[from][v] {
			sources = append(sources, from)
		}
	}
	return sources
}

// channels returns the number of channels of each vertex for a cell with the given output channels. The inner vertices
// before the output share its channels, and the first of them have one more if there is a remainder. Any other vertex has
// as many as the widest that it leads to.
func (c *cell101) channels(out int) (channels [cell101Vertices]int) {
	channels[c.n-1] = out
	last := c.inner(c.n - 1)
	for i, v := range last {
		channels[v] = out / len(last)
		if i < out%len(last) {
			channels[v]++
		}
	}
	for v := c.n - 2; v > 0; v-- {
		if c.edge[v][c.n-1] {
			continue
		}
		for to := v + 1; to < c.n-1; to++ {
			if c.edge[v][to] {
				channels[v] = max(channels[v], channels[to])
			}
		}
	}
	return channels
}

// hash is hash_module of the authors' graph_util.py: equal graphs have equal hashes. A vertex starts as its out-degree,
// in-degree and label. In each of n rounds it takes up its neighbours. The label of the input is −1, of the output −2.
func (c *cell101) hash() string {
	hashes := make([]string, c.n)
	for v := range hashes {
		in, out := 0, 0
		for w := range c.n {
			if c.edge[w][v] {
				in++
			}
			if c.edge[v][w] {
				out++
			}
		}
		label := c.op[v]
		switch v {
		case 0:
			label = -1
		case c.n - 1:
			label = -2
		}
		hashes[v] = hexMD5(fmt.Sprintf("(%d, %d, %d)", out, in, label))
	}
	for range c.n {
		next := make([]string, c.n)
		for v := range next {
			var in, out []string
			for w := range c.n {
				if c.edge[w][v] {
					in = append(in, hashes[w])
				}
				if c.edge[v][w] {
					out = append(out, hashes[w])
				}
			}
			slices.Sort(in)
			slices.Sort(out)
			next[v] = hexMD5(strings.Join(in, "") + "|" + strings.Join(out, "") + "|" + hashes[v])
		}
		hashes = next
	}
	slices.Sort(hashes)
	return hexMD5("['" + strings.Join(hashes, "', '") + "']")
}

func hexMD5(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
