package indicator

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Truth is a table of accuracies of architectures that were trained on their own.
type Truth struct {
	Arch     []string             // as the table writes them
	Accuracy []float64            // in the table's units
	Proxies  map[string][]float64 // the other columns that were asked for; NaN for an empty cell
	Skipped  int                  // rows without an accuracy
	lines    []int
	index    map[string]int
}

// Of returns an architecture's accuracy, given the architecture's text.
func (t *Truth) Of(arch string) (accuracy float64, ok bool) {
	i, ok := t.index[arch]
	if !ok {
		return 0, false
	}
	return t.Accuracy[i], true
}

// Proxy returns an architecture's value in a column of Proxies: NaN if there is none.
func (t *Truth) Proxy(column, arch string) float64 {
	i, ok := t.index[arch]
	if !ok || t.Proxies[column] == nil {
		return math.NaN()
	}
	return t.Proxies[column][i]
}

// TruthColumns names the columns of a table.
type TruthColumns struct {
	Arch     string   // "": arch
	Accuracy string   // "": test_accuracy
	Proxies  []string // scores of the user's own
}

// ReadTruth reads a CSV table with a header. A row whose accuracy is empty, or the word for a missing value (nan, na, n/a,
// null, none), is skipped and counted. Any other accuracy must be a finite number. An architecture may occur again with the
// same values. Errors name the file, line and column.
func ReadTruth(r io.Reader, name string, columns TruthColumns) (*Truth, error) {
	table, header, err := openTable(r, name)
	if err != nil {
		return nil, err
	}
	names := []string{cmp.Or(columns.Arch, "arch"), cmp.Or(columns.Accuracy, "test_accuracy")}
	for _, c := range columns.Proxies {
		if !slices.Contains(names[2:], c) {
			names = append(names, c)
		}
	}
	at := make([]int, len(names))
	for i, c := range names {
		if at[i] = slices.Index(header, c); at[i] < 0 {
			return nil, fmt.Errorf("indicator: %s: no column %q; there are %q", name, c, header)
		}
	}
	t := &Truth{index: map[string]int{}, Proxies: map[string][]float64{}}
	for {
		row, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("indicator: %s: %w", name, err)
		}
		if bad, err := t.add(table, row, names, at); err != nil {
			line, _ := table.FieldPos(at[bad])
			return nil, fmt.Errorf("indicator: %s: line %d, column %q: %w", name, line, names[bad], err)
		}
	}
	if len(t.Arch) == 0 && t.Skipped > 0 {
		return nil, fmt.Errorf("indicator: %s: no row has a value in column %q", name, names[1])
	}
	if len(t.Arch) == 0 {
		return nil, fmt.Errorf("indicator: %s: no rows", name)
	}
	return t, nil
}

// add adds a row; on an error bad is the place of its column in names.
func (t *Truth) add(table *csv.Reader, row, names []string, at []int) (bad int, err error) {
	arch := row[at[0]]
	if arch == "" {
		return 0, errors.New("empty")
	}
	values := make([]float64, len(names)) // the first is not used
	for i := 1; i < len(names); i++ {
		if values[i], err = tableNumber(row[at[i]]); err != nil {
			return i, err
		}
	}
	if math.IsNaN(values[1]) {
		t.Skipped++
		return 0, nil
	}
	line, _ := table.FieldPos(at[0])
	if k, ok := t.index[arch]; ok {
		for i := 1; i < len(names); i++ {
			if before := t.value(names[i], i, k); !sameNumber(before, values[i]) {
				return i, fmt.Errorf("%q has %v here and %v in line %d; keep one of the rows", arch, values[i], before, t.lines[k])
			}
		}
		return 0, nil
	}
	t.index[arch] = len(t.Arch)
	t.Arch = append(t.Arch, arch)
	t.Accuracy = append(t.Accuracy, values[1])
	t.lines = append(t.lines, line)
	for i := 2; i < len(names); i++ {
		t.Proxies[names[i]] = append(t.Proxies[names[i]], values[i])
	}
	return 0, nil
}

// value returns what row k has in column i, which has the given name.
func (t *Truth) value(name string, i, k int) float64 {
	if i == 1 {
		return t.Accuracy[k]
	}
	return t.Proxies[name][k]
}

// tableNumber reads a cell: NaN for a missing value.
func tableNumber(cell string) (float64, error) {
	cell = strings.TrimSpace(cell)
	switch strings.ToLower(cell) {
	case "", "nan", "na", "n/a", "null", "none":
		return math.NaN(), nil
	}
	v, err := strconv.ParseFloat(cell, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is not a finite number", cell)
	}
	return v, nil
}

func sameNumber(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
