package main

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"bnas.example/supernet"
)

// table is a table of architectures: columns of figures, then the architecture. On a terminal it fits the width.
type table struct {
	space  supernet.Space
	header []string
	rows   rows
}

// rows are the rows of a table, which may be long: each is asked for twice and not kept.
type rows struct {
	n  int
	at func(i int) (a supernet.Arch, cells []string, err error)
}

// rowsOf returns a row for each of some architectures.
func rowsOf(archs []supernet.Arch, cells func(i int) []string) rows {
	return rows{len(archs), func(i int) (supernet.Arch, []string, error) { return archs[i], cells(i), nil }}
}

// print is write of rows in memory: a writer of tabs keeps the error of what it writes to.
func (t *table) print(c *cli.Context, w io.Writer) { _ = t.write(c, w) }

// write prints the table. If it is wider than the terminal, the architectures are in their short form, which every command
// reads too. If it is still too wide, the last columns of figures are left out, and a line on stderr names them. An error is
// one of the rows or of w.
func (t *table) write(c *cli.Context, w io.Writer) error {
	width := widthOf(c.App.Writer)
	text := t.space.Format
	widths, err := t.widths(text)
	if err != nil {
		return err
	}
	columns := len(t.header)
	if width > 0 && total(widths, columns) > width {
		if !numbered(t.space) { // its text is as short
			text = optionNumbers
			if widths, err = t.widths(text); err != nil {
				return err
			}
		}
		for columns > 1 && total(widths, columns) > width {
			columns--
		}
	}
	if columns < len(t.header) {
		slog.Info("the terminal is too narrow for all columns", "left out", strings.Join(t.header[columns:], ","), "see them with", "--json, or --columns where there is one")
	}
	return t.each(func(cells []string, arch string) error {
		for k, cell := range cells[:columns] {
			cells[k] = cell + strings.Repeat(" ", widths[k]-utf8.RuneCountInString(cell))
		}
		_, err := fmt.Fprintln(w, strings.Join(append(cells[:columns:columns], arch), gap))
		return err
	}, text)
}

const (
	archHeader = "ARCHITECTURE"
	gap        = "  " // between columns
)

// each calls do for the header and then for each row, with the text of the architecture.
func (t *table) each(do func(cells []string, arch string) error, text func(supernet.Arch) string) error {
	if err := do(slices.Clone(t.header), archHeader); err != nil {
		return err
	}
	for i := range t.rows.n {
		a, cells, err := t.rows.at(i)
		if err == nil {
			err = do(cells, text(a))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// widths returns the width of each column of figures, and then that of the architectures.
func (t *table) widths(text func(supernet.Arch) string) ([]int, error) {
	widths := make([]int, len(t.header)+1)
	err := t.each(func(cells []string, arch string) error {
		for k, cell := range cells {
			widths[k] = max(widths[k], utf8.RuneCountInString(cell))
		}
		widths[len(cells)] = max(widths[len(cells)], utf8.RuneCountInString(arch))
		return nil
	}, text)
	return widths, err
}

// total is the width of the table with the first columns of figures.
func total(widths []int, columns int) int {
	sum := widths[len(widths)-1]
	for _, w := range widths[:columns] {
		sum += w + len(gap)
	}
	return sum
}
