package report

import (
	"bytes"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
)

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// Write renders d and puts the page at path, whole or not at all: it is written beside it, synced, and renamed.
func Write(path string, d Data) error {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, newPage(d)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := replace(path, b.Bytes()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// replace writes a file so that a reader, or a crash, sees the old content or the new, never a part.
func replace(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(content); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
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
