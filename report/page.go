package report

import (
	"fmt"
	"html/template"
)

// page is the data of the template.
type page struct {
	Title, Summary          string
	PictureStyle, PageStyle template.CSS
	Links                   []Link
	Refresh                 int
	Address                 string
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
	Button          *Link // below Table
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

// Table is a table of a page. On a narrow screen it scrolls within itself. One of Cards, which may be renewed while it is read, has no
// columns there: a row is some lines of names and values.
type Table struct {
	Head  []Header
	Rows  []Row
	Cards bool
}

// Link leads to a page.
type Link struct{ URL, Text string }

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
type Cell struct {
	Text, Class, Note string
	URL               string  // where the text leads to; empty: nowhere
	Choice            *Choice // before the text
}

// Choice is a box to tick: a link to the same page with the other state. The address has the state, so that it stays when a browser loads
// the page again. ID names the box in the page.
type Choice struct {
	ID, URL, Name string
	Ticked        bool
}

// styled returns a page without sections.
func styled(title, summary string) page {
	return page{Title: title, Summary: summary, PictureStyle: template.CSS(pictureStyle), PageStyle: template.CSS(pageStyle)}
}

// newPage makes all sections that have data, and lists those that lack it with the reason. A section without an ID was not asked for.
func newPage(d Data) (page, error) {
	v, err := newView(d)
	if err != nil {
		return page{}, fmt.Errorf("report: %w", err)
	}
	p := styled(d.Title, d.Summary)
	for _, build := range []func(*view) (Section, string){
		foundSection, finalistsSection, pruningSection, runsSection, standingSection, rankingSection, scoreSection, termsSection, operatorSection, trainingSection, runSection,
	} {
		s, missing := build(v)
		switch {
		case missing != "":
			p.Missing = append(p.Missing, Fact{s.Title, missing})
		case s.ID != "":
			p.Sections = append(p.Sections, s)
		}
	}
	return p, nil
}

// add appends a figure unless it is empty.
func (g *Group) add(svg, caption string) {
	if svg != "" {
		g.Figures = append(g.Figures, Figure{template.HTML(svg), caption}) // our own drawing; its texts are escaped
	}
}
