package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"bnas.example/supernet"
)

// table is a table of architectures: columns of figures, then the architecture. On a terminal it fits the width.
type table struct {
	header []string
	rows   [][]string
	archs  []supernet.Arch
	space  supernet.Space
}

func (t *table) add(a supernet.Arch, cells ...string) {
	t.rows, t.archs = append(t.rows, cells), append(t.archs, a)
}

// write prints the table. If it is wider than the terminal, the architectures are in their short form, which every command
// reads too. If it is still too wide, the last columns of figures are left out, and a line on stderr names them.
func (t *table) write(c *cli.Context, w io.Writer) {
	width := widthOf(c.App.Writer)
	texts := make([]string, len(t.archs))
	for i, a := range t.archs {
		texts[i] = t.space.Format(a)
	}
	columns := len(t.header)
	if width > 0 && t.width(columns, texts) > width {
		for i, a := range t.archs {
			if !numbered(t.space) { // its text is as short
				texts[i] = optionNumbers(a)
			}
		}
		for columns > 1 && t.width(columns, texts) > width {
			columns--
		}
	}
	if columns < len(t.header) {
		slog.Info("the terminal is too narrow for all columns", "left out", strings.Join(t.header[columns:], ","), "see them with", "--json, or --columns where there is one")
	}
	fmt.Fprintln(w, strings.Join(append(t.header[:columns:columns], archHeader), "\t"))
	for i, row := range t.rows {
		fmt.Fprintln(w, strings.Join(append(row[:columns:columns], texts[i]), "\t"))
	}
}

const archHeader = "ARCHITECTURE"

// width is the width of the table with the first columns of figures.
func (t *table) width(columns int, texts []string) int {
	total := 0
	for k, name := range t.header[:columns] {
		widest := utf8.RuneCountInString(name)
		for _, row := range t.rows {
			widest = max(widest, utf8.RuneCountInString(row[k]))
		}
		total += widest + 2
	}
	widest := len(archHeader)
	for _, text := range texts {
		widest = max(widest, utf8.RuneCountInString(text))
	}
	return total + widest
}
