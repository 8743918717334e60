package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	cellGenes  = []string{"1<-0", "2<-0", "2<-1", "3<-0", "3<-1", "3<-2"}
	cellChoice = []string{"nor_conv_3x3", "none", "skip_connect", "nor_conv_1x1", "avg_pool_3x3", "nor_conv_3x3"}
)

func TestGoldenCell(t *testing.T) {
	g, err := GraphOf("a cell", cellGenes, cellChoice)
	if err != nil {
		t.Fatal(err)
	}
	s := graphChart(g, Palette(cellOps)).String()
	checkSVG(t, s)
	for _, op := range cellChoice {
		if !strings.Contains(s, ">"+op+"</text>") {
			t.Errorf("no label %s", op)
		}
	}
	if n := strings.Count(s, `class="head `); n != 6 {
		t.Errorf("%d arrow heads, want 6", n)
	}
	golden(t, "cell.svg", s)
}

func TestChainWraps(t *testing.T) {
	var genes, ops []string
	for range 21 {
		genes, ops = append(genes, "layer"), append(ops, "mb_k3_t3")
	}
	g, err := GraphOf("layers", genes, ops)
	if err != nil {
		t.Fatal(err)
	}
	d := graphChart(g, Palette([]string{"mb_k3_t3"}))
	checkSVG(t, d.String())
	if d.width > 1000 || d.height < 3*boxHeight {
		t.Errorf("23 blocks on %v × %v", d.width, d.height)
	}
	if n := strings.Count(d.String(), `class="head `); n != 22 {
		t.Errorf("%d arrow heads, want 22", n)
	}
}

// Blocks with skip connections are boxes joined by arcs, as in NAS-Bench-101, whose operators are on the nodes.
func TestBlocksWithSkips(t *testing.T) {
	g := Graph{Nodes: []Node{{Name: "in"}, {Name: "a", Op: "conv3x3"}, {Name: "b", Op: "maxpool3x3"}, {Name: "out"}},
		Edges: []Edge{{0, 1, ""}, {1, 2, ""}, {2, 3, ""}, {0, 3, ""}}}
	s := graphChart(g, Palette([]string{"conv3x3", "maxpool3x3"})).String()
	checkSVG(t, s)
	if strings.Count(s, `class="box `) != 2 || strings.Count(s, `class="disc"`) != 2 {
		t.Error("want two boxes and two discs")
	}
}

func TestArcsDoNotOverlap(t *testing.T) {
	var edges []Edge
	for to := range 7 {
		for from := range to {
			edges = append(edges, Edge{from, to, "x"})
		}
	}
	arcs, _, _ := layArcs(edges)
	for i, a := range arcs {
		for _, b := range arcs[:i] {
			if a.side == b.side && a.level == b.level && a.From < b.To && b.From < a.To {
				t.Errorf("%d→%d and %d→%d share side %v, level %d", a.From, a.To, b.From, b.To, a.side, a.level)
			}
		}
	}
}

func TestGraphErrors(t *testing.T) {
	if _, err := GraphOf("", []string{"1<-0"}, nil); err == nil {
		t.Error("a gene without operator made a graph")
	}
	for name, g := range map[string]Graph{
		"empty":    {},
		"backward": {Nodes: make([]Node, 2), Edges: []Edge{{1, 0, "x"}}},
		"outside":  {Nodes: make([]Node, 2), Edges: []Edge{{0, 2, "x"}}},
	} {
		if graphChart(g, Palette(nil)) != nil {
			t.Errorf("%s: drawn", name)
		}
	}
}

func FuzzGraphOf(f *testing.F) {
	for _, seed := range []string{"1<-0;2<-0;2<-1", "layer 1;layer 2", "9999999<-0", "1<-1", "<-", "a<-b", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		genes := strings.Split(text, ";")
		if len(genes) > 100 {
			return
		}
		g, err := GraphOf(text, genes, genes)
		if err != nil {
			return
		}
		d := graphChart(g, Palette(genes))
		if d == nil {
			t.Fatalf("%q made a graph that cannot be drawn", text)
		}
		checkSVG(t, d.String())
	})
}

// Cells of several kinds are beside each other. An edge that an architecture does not have is not drawn.
func TestTwoCells(t *testing.T) {
	places := []string{"normal 2<-0", "normal 2<-1", "normal 3<-1", "reduce 2<-0", "reduce 2<-1"}
	g, err := GraphOf("two cells", places, []string{"a", "b", "c", "d", "e"})
	if err != nil || !g.valid() {
		t.Fatal(err)
	}
	want := Graph{Title: "two cells",
		Nodes: []Node{{Name: "normal"}, {Name: "1"}, {Name: "2"}, {Name: "3"}, {Name: "reduce"}, {Name: "1"}, {Name: "2"}},
		Edges: []Edge{{0, 2, "a"}, {1, 2, "b"}, {1, 3, "c"}, {4, 6, "d"}, {5, 6, "e"}},
	}
	if d := cmp.Diff(want, g); d != "" {
		t.Error(d)
	}
	if g, _ := GraphOf("a chain", []string{"normal 2<-0", "layer 1"}, []string{"a", "b"}); !g.chain() {
		t.Errorf("%+v is not a chain", g)
	}
}
