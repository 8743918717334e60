package report

// chainChart draws blocks from left to right in as many rows as they need.
func chainChart(g Graph, hueOf func(string) string) *drawing {
	const gap, rowStep, widest = 26, 84, 980
	half := 0.0
	for _, n := range g.Nodes {
		half = max(half, halfWidth(n))
	}
	step := 2*half + gap
	perRow := max(1, int((widest-28+gap)/step))
	rows := (len(g.Nodes) + perRow - 1) / perRow
	perRow = (len(g.Nodes) + rows - 1) / rows
	d := newDrawing(28+float64(perRow)*step-gap, float64(rows)*rowStep-rowStep+boxHeight+16, g.Title)
	place := func(i int) (x, y float64) {
		return 14 + half + float64(i%perRow)*step, 8 + boxHeight/2 + float64(i/perRow)*rowStep
	}
	for _, e := range g.Edges {
		x1, y1 := place(e.From)
		x2, y2 := place(e.To)
		if y1 == y2 {
			d.straight(e, x1+reach(g.Nodes[e.From], half), x2-reach(g.Nodes[e.To], half), y1, hueOf)
			continue
		}
		middle := (y1 + y2) / 2
		d.path("edge sx", "M"+coord(x1)+" "+coord(y1+halfHeight(g.Nodes[e.From]))+"V"+coord(middle)+"H"+coord(x2)+"V"+coord(y2-halfHeight(g.Nodes[e.To])-8))
		d.path("head sx", "M"+coord(x2-5)+" "+coord(y2-halfHeight(g.Nodes[e.To])-8)+"h10l-5 8z")
	}
	for i, n := range g.Nodes {
		x, y := place(i)
		d.node(n, x, y, half, hueOf)
	}
	return d
}

// reach returns the distance from the centre of a node to its side.
func reach(n Node, half float64) float64 {
	if n.Op == "" {
		return discRadius
	}
	return half
}
