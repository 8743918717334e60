package study

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"

	"bnas.example/internal/wholefile"
)

// Table is a table of results: one observation a row.
type Table struct {
	Name    string // of the file, without .csv
	Columns []string
	rows    [][]string
}

// Add appends a row of texts, whole numbers and floats, one for each column. A float that is NaN is an empty cell.
func (t *Table) Add(values ...any) {
	row := make([]string, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case float64:
			if !math.IsNaN(v) {
				row[i] = strconv.FormatFloat(v, 'g', 6, 64)
			}
		default:
			row[i] = fmt.Sprint(v)
		}
	}
	t.rows = append(t.rows, row)
}

// write writes the table into a folder and returns the path of its file.
func (t *Table) write(dir string) (path string, err error) {
	path = filepath.Join(dir, t.Name+".csv")
	return path, wholefile.WriteFrom(path, func(w io.Writer) error {
		out := csv.NewWriter(w)
		if err := out.WriteAll(append([][]string{t.Columns}, t.rows...)); err != nil {
			return err
		}
		return out.Error()
	})
}
