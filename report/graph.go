package report

import (
	"fmt"
	"strconv"
	"strings"
)

// Graph is a network, or the cell it repeats, as nodes in topological order and the edges between them.
type Graph struct {
	Title string
	Nodes []Node
	Edges []Edge
}

// Node is a sum (Op empty, drawn as a disc with its name) or a block (drawn as a box with its operator).
type Node struct {
	Name   string
	Op     string
	Detail string // a second line in the box, such as "64 × 16 × 16"
}

// Edge leads from an earlier node to a later one. Without Op it is a plain arrow.
type Edge struct {
	From, To int
	Op       string
}

// none is the operator without a connection. It is drawn faint.
const none = "none"

// GraphOf returns the graph of an architecture. Genes named "2<-1" are the edges of a cell; any other names are
// the blocks of a chain between the input and the output. ops[i] is the operator chosen for genes[i].
func GraphOf(title string, genes, ops []string) (Graph, error) {
	if len(genes) != len(ops) || len(genes) == 0 {
		return Graph{}, fmt.Errorf("report: %d genes and %d operators do not make a graph", len(genes), len(ops))
	}
	if g, ok := cellOf(title, genes, ops); ok {
		return g, nil
	}
	g := Graph{Title: title, Nodes: []Node{{Name: "in"}}}
	for i, name := range genes {
		g.Nodes = append(g.Nodes, Node{Name: name, Op: ops[i], Detail: name})
		g.Edges = append(g.Edges, Edge{From: i, To: i + 1})
	}
	g.Nodes = append(g.Nodes, Node{Name: "out"})
	g.Edges = append(g.Edges, Edge{From: len(genes), To: len(genes) + 1})
	return g, nil
}

// mostNodes is the largest number of nodes of a cell. It bounds the drawing for any name of a gene.
const mostNodes = 64

func cellOf(title string, genes, ops []string) (Graph, bool) {
	g := Graph{Title: title}
	last := 0
	for i, name := range genes {
		to, from, ok := strings.Cut(name, "<-")
		t, errTo := strconv.Atoi(to)
		f, errFrom := strconv.Atoi(from)
		if !ok || errTo != nil || errFrom != nil || f < 0 || f >= t || t >= mostNodes {
			return Graph{}, false
		}
		g.Edges = append(g.Edges, Edge{From: f, To: t, Op: ops[i]})
		last = max(last, t)
	}
	for i := range last + 1 {
		g.Nodes = append(g.Nodes, Node{Name: strconv.Itoa(i)})
	}
	g.Nodes[0].Name, g.Nodes[last].Name = "in", "out"
	return g, true
}

// valid reports whether every edge leads forward between existing nodes.
func (g Graph) valid() bool {
	for _, e := range g.Edges {
		if e.From < 0 || e.From >= e.To || e.To >= len(g.Nodes) {
			return false
		}
	}
	return len(g.Nodes) > 0
}

// chain reports whether the graph is one line of blocks.
func (g Graph) chain() bool {
	if len(g.Edges) != len(g.Nodes)-1 {
		return false
	}
	for i, e := range g.Edges {
		if e.From != i || e.To != i+1 || e.Op != "" {
			return false
		}
	}
	return true
}

// graphChart draws a graph. It is empty if the graph has no nodes or an invalid edge.
func graphChart(g Graph, hueOf func(string) string) *drawing {
	switch {
	case !g.valid():
		return nil
	case g.chain():
		return chainChart(g, hueOf)
	}
	return arcChart(g, hueOf)
}
