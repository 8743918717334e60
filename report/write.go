package report

import (
	"bytes"
	"fmt"
	"html/template"

	"bnas.example/internal/wholefile"
)

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// Write renders d and puts the page at path, whole or not at all: it is written beside it, synced, and renamed.
func Write(path string, d Data) error {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, newPage(d)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := wholefile.Write(path, b.Bytes()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// CellSVG draws a graph as a picture of its own, for a README: with its colours, light and dark, inside. operators
// lists all operators of the space, which fixes the colour of each. It is an error if the graph has no node or an edge
// that does not lead forward.
func CellSVG(g Graph, operators []string) (string, error) {
	d := graphChart(g, palette(operators))
	if d == nil {
		return "", fmt.Errorf("report: graph %q: %d nodes and an edge that leads nowhere", g.Title, len(g.Nodes))
	}
	size := fmt.Sprintf(` xmlns="http://www.w3.org/2000/svg" width="%s" height="%s"`, coord(d.width), coord(d.height))
	return d.wrap(size, "<style>"+escape(pictureStyle)+"svg { background: var(--paper); }</style>"), nil
}

// palette gives every operator its colour class: by its place in the list, none in grey.
func palette(operators []string) func(string) string {
	of := map[string]string{none: "sx"}
	i := 0
	for _, op := range operators {
		if _, ok := of[op]; !ok {
			of[op] = hue(i)
			i++
		}
	}
	return func(op string) string {
		if h, ok := of[op]; ok {
			return h
		}
		return "sx"
	}
}
