package report

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// Sizes of a drawn cell.
const (
	discRadius = 20
	boxHeight  = 44
	levelStep  = 58 // height of one level of arcs
	letter     = 6.9
)

// An arc is an edge that passes over or under the nodes between its ends.
type arc struct {
	Edge
	side  float64 // −1 above the line of nodes, +1 below
	level int     // 1 is nearest to the line
}

// arcChart draws the nodes on a line: edges between neighbours straight, all others as arcs above and below.
func arcChart(g Graph, hueOf func(string) string) *drawing {
	arcs, above, below := layArcs(g.Edges)
	label := 0
	for _, e := range g.Edges {
		label = max(label, utf8.RuneCountInString(e.Op))
	}
	gap := 56 + letter*float64(label)
	xs, half := make([]float64, len(g.Nodes)), make([]float64, len(g.Nodes))
	x := 14.0
	for i, n := range g.Nodes {
		half[i] = halfWidth(n)
		xs[i] = x + half[i]
		x += 2*half[i] + gap
	}
	y := 26 + levelStep*float64(above)
	if above == 0 {
		y += boxHeight / 2
	}
	height := y + 18 + levelStep*float64(below)
	if below == 0 {
		height += boxHeight / 2
	}
	d := newDrawing(x-gap+14, height, g.Title)
	var tags []func()
	for _, a := range arcs {
		tags = append(tags, d.arc(a, xs, y, g.Nodes, hueOf))
	}
	for _, e := range g.Edges {
		if e.To == e.From+1 {
			tags = append(tags, d.straight(e, xs[e.From]+half[e.From], xs[e.To]-half[e.To], y, hueOf))
		}
	}
	for i, n := range g.Nodes {
		d.node(n, xs[i], y, half[i], hueOf)
	}
	for _, tag := range tags {
		tag()
	}
	return d
}

func halfWidth(n Node) float64 {
	if n.Op == "" {
		return discRadius
	}
	return 12 + letter/2*float64(max(utf8.RuneCountInString(n.Op), utf8.RuneCountInString(n.Detail)))
}

// halfHeight returns the distance from the centre of a node to the end of its arcs.
func halfHeight(n Node) float64 {
	if n.Op == "" {
		return discRadius
	}
	return boxHeight / 2
}

// layArcs assigns a side and a level to every longer edge, in the order of their lengths. Arcs of one side and level do not
// overlap.
func layArcs(edges []Edge) (arcs []arc, above, below int) {
	for _, e := range edges {
		if e.To > e.From+1 {
			arcs = append(arcs, arc{Edge: e})
		}
	}
	slices.SortStableFunc(arcs, func(a, b arc) int { return cmp.Compare(a.To-a.From, b.To-b.From) })
	for i := range arcs {
		up, down := freeLevel(arcs[:i], arcs[i].Edge, -1), freeLevel(arcs[:i], arcs[i].Edge, +1)
		if up <= down {
			arcs[i].side, arcs[i].level = -1, up
			above = max(above, up)
		} else {
			arcs[i].side, arcs[i].level = +1, down
			below = max(below, down)
		}
	}
	return arcs, above, below
}

func freeLevel(laid []arc, e Edge, side float64) int {
	level := 1
	for _, a := range laid {
		if a.side == side && a.From < e.To && e.From < a.To {
			level = max(level, a.level+1)
		}
	}
	return level
}

// arc draws a curve that leaves and enters its nodes upright, and returns a function that
// draws its label on top of all edges.
func (d *drawing) arc(a arc, xs []float64, y float64, nodes []Node, hueOf func(string) string) func() {
	x1, x2 := xs[a.From]+7, xs[a.To]-7
	y1, y2 := y+a.side*(halfHeight(nodes[a.From])-2), y+a.side*(halfHeight(nodes[a.To])+7)
	apex := y + a.side*(levelStep*float64(a.level)+2)
	control := (apex - (y1+y2)/8) * 4 / 3
	class := edgeClass(a.Op, hueOf)
	d.path(class, "M"+coord(x1)+" "+coord(y1)+"C"+coord(x1)+" "+coord(control)+" "+coord(x2)+" "+coord(control)+" "+coord(x2)+" "+coord(y2))
	d.path("head "+hueOf(a.Op), "M"+coord(x2-5)+" "+coord(y2)+"h10l-5 "+coord(-8*a.side)+"z")
	return func() { d.tag(a.Op, (x1+x2)/2, apex, hueOf) }
}

func (d *drawing) straight(e Edge, x1, x2, y float64, hueOf func(string) string) func() {
	d.line(edgeClass(e.Op, hueOf), x1, y, x2-8, y)
	d.path("head "+hueOf(e.Op), "M"+coord(x2-8)+" "+coord(y-5)+"v10l8 -5z")
	return func() { d.tag(e.Op, (x1+x2)/2-3, y, hueOf) }
}

func edgeClass(op string, hueOf func(string) string) string {
	if op == none {
		return "edge absent " + hueOf(op)
	}
	return "edge " + hueOf(op)
}

// tag is an operator's name in a rounded box on its edge.
func (d *drawing) tag(op string, x, y float64, hueOf func(string) string) {
	if op == "" {
		return
	}
	w := letter*float64(utf8.RuneCountInString(op)) + 16
	d.rect("tag "+hueOf(op), x-w/2, y-11, w, 22, 11)
	d.text("tagname", "middle", x, y+4, op)
}

func (d *drawing) node(n Node, x, y, half float64, hueOf func(string) string) {
	if n.Op == "" {
		d.add(`<circle class="disc" cx="%s" cy="%s" r="%d"/>`, coord(x), coord(y), discRadius)
		d.text("nodename", "middle", x, y+4.5, n.Name)
		return
	}
	d.rect("box "+hueOf(n.Op), x-half, y-boxHeight/2, 2*half, boxHeight, 8)
	at := y + 4.5
	if n.Detail != "" {
		at = y - 2
		d.text("tick", "middle", x, y+14, n.Detail)
	}
	d.text("nodename", "middle", x, at, n.Op)
}
