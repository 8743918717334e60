package report

import (
	"bytes"
	"fmt"
	"html/template"

	"bnas.example/internal/wholefile"
)

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"breakable": breakable}).Parse(pageText))

// Write renders d to a file at path. The file is written under another name, synced and renamed: a reader never sees a
// part of it.
func Write(path string, d Data) error {
	p, err := newPage(d)
	if err != nil {
		return err
	}
	return p.write(path)
}

func (p page) write(path string) error {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := wholefile.Write(path, b.Bytes()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// Palette assigns a colour class to every name, such as that of an operator, by its place in the list. none, and a name that is not in
// the list, is grey.
func Palette(operators []string) func(string) string {
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
