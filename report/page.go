package report

import (
	"cmp"
	"html/template"
	"slices"
)

// These types are the data of the page template: sections of figures, tables and text.
type page struct {
	Title, Summary          string
	PictureStyle, PageStyle template.CSS
	Sections                []section
	Missing                 []Fact
}

type section struct {
	ID, Title, Lead string
	Notes           []string
	Arch            string
	Tiles           []Fact
	Groups          []group
	TableLead       string
	Table           *table
	Facts           []Fact
	Command, Config string
}

type group struct {
	Class   string
	Lead    string
	Legend  []legend
	Figures []figure
}

type legend struct{ Hue, Name string }

type figure struct {
	SVG     template.HTML
	Caption string
}

type table struct {
	Head []header
	Rows []row
}

type header struct {
	Text string
	Left bool
}

// row is a line of a table. Mark, if not empty, is a class of page.css and marks the row.
type row struct {
	Mark  string
	Cells []cell
}

// cell is a text, and words about it in grey.
type cell struct{ Text, Class, Note string }

// newPage makes all sections that have data, and lists the others with the reason.
func newPage(d Data) page {
	v := newView(d)
	p := page{
		Title: d.Title, Summary: d.Summary,
		PictureStyle: template.CSS(pictureStyle), PageStyle: template.CSS(pageStyle),
	}
	for _, build := range []func(*view) (section, string){
		foundSection, standingSection, rankingSection, scoreSection, termsSection, operatorSection, trainingSection, runSection,
	} {
		s, missing := build(v)
		if missing != "" {
			p.Missing = append(p.Missing, Fact{s.Title, missing})
			continue
		}
		p.Sections = append(p.Sections, s)
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
	v.hueOf = palette(v.operators)
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
func (g *group) add(svg, caption string) {
	if svg != "" {
		g.Figures = append(g.Figures, figure{template.HTML(svg), caption}) // our own drawing; its texts are escaped
	}
}
