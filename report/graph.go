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

// GraphOf returns the graph of an architecture. Places named "2<-1" are the edges of a cell, "normal 2<-1" those of one of
// several cells; any other names are the blocks of a chain between the input and the output. ops[i] is the operator at
// places[i].
func GraphOf(title string, places, ops []string) (Graph, error) {
	if len(places) != len(ops) || len(places) == 0 {
		return Graph{}, fmt.Errorf("report: %d places and %d operators do not make a graph", len(places), len(ops))
	}
	if g, ok := cellsOf(title, places, ops); ok {
		return g, nil
	}
	g := Graph{Title: title, Nodes: []Node{{Name: "in"}}}
	for i, name := range places {
		g.Nodes = append(g.Nodes, Node{Name: name, Op: ops[i], Detail: name})
		g.Edges = append(g.Edges, Edge{From: i, To: i + 1})
	}
	g.Nodes = append(g.Nodes, Node{Name: "out"})
	g.Edges = append(g.Edges, Edge{From: len(places), To: len(places) + 1})
	return g, nil
}

// mostNodes is the largest number of nodes of a cell. It bounds the drawing for any name of a gene.
const mostNodes = 64

// cellsOf returns the graph of one cell, or of several beside each other.
func cellsOf(title string, places, ops []string) (Graph, bool) {
	g := Graph{Title: title}
	for first := 0; first < len(places); {
		name, _, _ := edgeOf(places[first])
		end, last := first, 0
		for ; end < len(places); end++ {
			cell, to, from := edgeOf(places[end])
			if cell != name || to == 0 {
				break
			}
			g.Edges = append(g.Edges, Edge{From: len(g.Nodes) + from, To: len(g.Nodes) + to, Op: ops[end]})
			last = max(last, to)
		}
		if end == first {
			return Graph{}, false
		}
		in := len(g.Nodes)
		for i := range last + 1 {
			g.Nodes = append(g.Nodes, Node{Name: strconv.Itoa(i)})
		}
		if g.Nodes[in].Name = name; name == "" {
			g.Nodes[in].Name, g.Nodes[in+last].Name = "in", "out"
		}
		first = end
	}
	return g, true
}

// edgeOf reads "2<-1" or "cell 2<-1". to is 0 if the place is not an edge.
func edgeOf(place string) (cell string, to, from int) {
	name := place
	if i := strings.LastIndexByte(place, ' '); i >= 0 {
		cell, name = place[:i], place[i+1:]
	}
	t, f, ok := strings.Cut(name, "<-")
	to, errTo := strconv.Atoi(t)
	from, errFrom := strconv.Atoi(f)
	if !ok || errTo != nil || errFrom != nil || from < 0 || from >= to || to >= mostNodes {
		return "", 0, 0
	}
	return cell, to, from
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
