package report

import (
	"cmp"
	"html/template"
	"slices"
)

// page is the data of the template.
type page struct {
	Title, Summary          string
	PictureStyle, PageStyle template.CSS
	Sections                []Section
	Missing                 []Fact
}

// Section is a part of a page. What is empty is left out; the rest stands in this order.
type Section struct {
	ID, Title, Lead string
	Arch            string   // an architecture, in full width
	Tiles           []Fact   // figures in large type
	Notes           []string // paragraphs in grey
	Groups          []Group
	TableLead       string
	Table           *Table
	Facts           []Fact
	Command, Config string
}

// Group is a paragraph with the figures and the table that belong to it.
type Group struct {
	Class   string // of page.css, such as WideFigures
	Lead    string
	Legend  []Legend
	Figures []Figure
	Table   *Table
	Note    string // below the table, in grey
}

// Legend says what a colour of the figures stands for.
type Legend struct{ Hue, Name string }

// Figure is a drawing with words below it.
type Figure struct {
	SVG     template.HTML
	Caption string
}

// Table is a table of a page.
type Table struct {
	Head []Header
	Rows []Row
}

// Header is the head of a column.
type Header struct {
	Text string
	Left bool
}

// Row is a line of a table. Mark, if not empty, is a class of page.css and marks the row.
type Row struct {
	Mark  string
	Cells []Cell
}

// Cell is a text, and words about it in grey. Class is a class of page.css: "left", "left text" (an architecture), "left words".
type Cell struct{ Text, Class, Note string }

// styled returns a page without sections.
func styled(title, summary string) page {
	return page{Title: title, Summary: summary, PictureStyle: template.CSS(pictureStyle), PageStyle: template.CSS(pageStyle)}
}

// newPage makes all sections that have data, and lists those that lack it with the reason. A section without an ID was not asked for.
func newPage(d Data) page {
	v := newView(d)
	p := styled(d.Title, d.Summary)
	for _, build := range []func(*view) (Section, string){
		foundSection, finalistsSection, standingSection, rankingSection, scoreSection, termsSection, operatorSection, trainingSection, runSection,
	} {
		s, missing := build(v)
		switch {
		case missing != "":
			p.Missing = append(p.Missing, Fact{s.Title, missing})
		case s.ID != "":
			p.Sections = append(p.Sections, s)
		}
	}
	return p
}

// A view is the data with the common parts of several sections: the ranking of distinct networks and the colours.
type view struct {
	Data
	ranked    []int    // indices in Archs: live, distinct, best first
	operators []string // all operators, in the order of the places; the position gives the colour
	dead      int
	found     *Arch
	hueOf     func(string) string
}

func newView(d Data) *view {
	v := &view{Data: d}
	for _, p := range d.Places {
		for _, o := range p.Operators {
			if !slices.Contains(v.operators, o) {
				v.operators = append(v.operators, o)
			}
		}
	}
	v.hueOf = Palette(v.operators)
	if d.Found >= 0 && d.Found < len(d.Archs) {
		v.found = &d.Archs[d.Found]
	}
	v.rank()
	return v
}

// network names a network: architectures that are the same one have the same name.
func network(a Arch) string { return cmp.Or(a.Canonical, a.Text) }

// rank orders the live networks by score. Of several architectures that are the same network it keeps the found one, or else
// the first.
func (v *view) rank() {
	seen := map[string]bool{}
	take := func(i int) {
		a := v.Archs[i]
		if seen[network(a)] {
			return
		}
		seen[network(a)] = true
		if a.Dead || !finite(a.Score) {
			v.dead++
			return
		}
		v.ranked = append(v.ranked, i)
	}
	if v.found != nil {
		take(v.Found)
	}
	for i := range v.Archs {
		take(i)
	}
	slices.SortStableFunc(v.ranked, func(i, j int) int { return cmp.Compare(v.Archs[j].Score, v.Archs[i].Score) })
}

// column returns one figure of all ranked architectures, in the order of the ranking.
func (v *view) column(of func(Arch) float64) []float64 {
	out := make([]float64, len(v.ranked))
	for k, i := range v.ranked {
		out[k] = of(v.Archs[i])
	}
	return out
}

func (v *view) term(t int) []float64 {
	return v.column(func(a Arch) float64 { return valueOf(a, t) })
}

// add appends a figure unless it is empty.
func (g *Group) add(svg, caption string) {
	if svg != "" {
		g.Figures = append(g.Figures, Figure{template.HTML(svg), caption}) // our own drawing; its texts are escaped
	}
}
