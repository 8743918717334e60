package report

import (
	"html/template"
	"io"
)

// Document is a page whose sections are made elsewhere, such as that of a study.
type Document struct {
	Title, Summary string
	Links          []Link // to other pages, before those to the sections
	Refresh        int    // seconds after which a browser loads the page at Address again; 0: never
	Address        string // without it a browser that is at a section would stay there and load nothing
	Sections       []Section
}

// WriteDocument renders d to a file at path, whole or not at all.
func WriteDocument(path string, d Document) error { return d.page().write(path) }

// Render writes the page to w.
func (d Document) Render(w io.Writer) error { return pageTemplate.Execute(w, d.page()) }

func (d Document) page() page {
	p := styled(d.Title, d.Summary)
	p.Links, p.Refresh, p.Address, p.Sections = d.Links, d.Refresh, d.Address, d.Sections
	return p
}

// TrainingSection shows the curves of a training, with the operators of the places in their colours. It has no group if there
// are none.
func TrainingSection(t Training, places []Place) Section {
	s, missing := trainingSection(coloured(Data{Training: t, Places: places}))
	if missing != "" {
		s.Groups = nil
	}
	return s
}

// WideFigures is the class of a Group whose figures stand two beside each other: those of Lines, Scatter, Stacks and Intervals.
const WideFigures = "figures wide"

// Legends returns the legend of names in the colours of hueOf.
func Legends(names []string, hueOf func(string) string) []Legend {
	all := make([]Legend, len(names))
	for i, name := range names {
		all[i] = Legend{hueOf(name), name}
	}
	return all
}

// Lines draws curves in the colours of their names, with dashed lines at the levels.
func Lines(title, xName string, curves []Curve, hueOf func(string) string, levels ...Level) Figure {
	hues := make([]string, len(curves))
	for i, c := range curves {
		hues[i] = hueOf(c.Name)
	}
	return ours(lineChart(wideWidth, wideHeight, title, xName, curves, hues, levels...))
}

// Scatter draws a point for each x and y.
func Scatter(title, xName string, x, y []float64) Figure {
	return ours(scatterChart(wideWidth, wideHeight, title, xName, x, y, nil, nil, nil))
}

// Front draws a point for each x and y, and a staircase through the points of a front, which are in the order of x.
func Front(title, xName string, x, y, frontX, frontY []float64) Figure {
	return ours(scatterChart(wideWidth, wideHeight, title, xName, x, y, frontX, frontY, nil))
}

// Drawing draws a network, its operators in the colours that a report with these places gives them. The drawing of an empty graph is
// empty.
func Drawing(g Graph, places []Place) Figure {
	d := graphChart(g, coloured(Data{Places: places}).hueOf)
	if d == nil {
		return Figure{}
	}
	return Figure{template.HTML(d.sized()), g.Title}
}

// Stacks draws a bar for each row, divided among the parts in the colours of their names.
func Stacks(title string, parts []string, rows []Stack, hueOf func(string) string) Figure {
	return ours(stackedChart(wideWidth, title, func(int) []string { return parts }, rows, hueOf))
}

// Intervals draws the estimates below each other, each with its interval, on one axis.
func Intervals(title, xName string, estimates []Estimate, hueOf func(string) string, levels ...Level) Figure {
	return ours(intervalChart(wideWidth, title, xName, estimates, hueOf, levels))
}

// Agreement draws the rank agreement of every pair of columns.
func Agreement(m Matrix) Figure {
	return Figure{template.HTML(matrixChart(m)), "Kendall's τ-b above the diagonal, Spearman's ρ below; blue agrees, orange opposes."}
}

// ours is a figure of one of our own drawings, whose texts are escaped.
func ours(svg string) Figure { return Figure{SVG: template.HTML(svg)} }

// Percent writes a share for a page.
func Percent(v float64) string { return percent(v) }

// Number writes a figure with four significant digits for a page.
func Number(v float64) string { return number(v) }

// Count writes a large count with a unit: 153.3 M.
func Count(n int64) string { return count(n) }
