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

	"bnas.example/supernet"
)

// Truth is a table of accuracies of architectures that were trained on their own. The zero table has no rows.
type Truth struct {
	Accuracy []float64            // in the table's units
	Proxies  map[string][]float64 // the other columns that were asked for; NaN for an empty cell
	Skipped  int                  // rows without an accuracy
	lines    []int
	texts    textSet
	arch     []int32    // by row: the text, as Formatted writes it
	byArch   rowsByText // of architectures
	networks rowsByText // of canonical forms: the first row
}

// Len returns the number of architectures.
func (t *Truth) Len() int { return len(t.arch) }

// Arch returns the text of an architecture, as Formatted writes it.
func (t *Truth) Arch(i int) string { return t.texts.at(int(t.arch[i])) }

// Of returns an architecture's accuracy, given its text and its canonical form: that of its own row or, without one, of a row
// that is the same network.
func (t *Truth) Of(arch, canonical string) (accuracy float64, ok bool) {
	i, ok := t.row(arch, canonical)
	if !ok {
		return 0, false
	}
	return t.Accuracy[i], true
}

// Proxy returns an architecture's value in a column of Proxies: NaN if there is none.
func (t *Truth) Proxy(column, arch, canonical string) float64 {
	i, ok := t.row(arch, canonical)
	if !ok || t.Proxies[column] == nil {
		return math.NaN()
	}
	return t.Proxies[column][i]
}

func (t *Truth) row(arch, canonical string) (i int, ok bool) {
	if i, ok = t.rowIn(t.byArch, arch); !ok {
		i, ok = t.rowIn(t.networks, canonical)
	}
	return i, ok
}

func (t *Truth) rowIn(rows rowsByText, text string) (i int, ok bool) {
	if k, known := t.texts.find(text); known {
		return rows.row(k)
	}
	return 0, false
}

// TruthColumns names the columns of a table.
type TruthColumns struct {
	Arch     []string // joined by |; empty: arch
	Accuracy string   // "": test_accuracy
	Proxies  []string // scores of the user's own
	Read     Formatted
}

// Formatted returns the text and the canonical form of the architecture that a table writes as text. A nil Formatted returns
// the text itself.
type Formatted func(text string) (arch, canonical string, err error)

// InSpace is Formatted for a space: a table may have any text form that the space reads.
func InSpace(s supernet.Space) Formatted {
	return func(text string) (arch, canonical string, err error) {
		a, err := supernet.Read(s, text)
		if err != nil {
			return "", "", err
		}
		return s.Format(a), s.Canonical(a), nil
	}
}

// ReadTruth reads a CSV table with a header. A row whose accuracy is empty, or the word for a missing value (nan, na, n/a,
// null, none), is skipped and counted. Any other accuracy must be a finite number. An architecture may occur again with the
// same values. Errors name the file, line and column.
func ReadTruth(r io.Reader, name string, columns TruthColumns) (*Truth, error) {
	table, header, err := openTable(r, name)
	if err != nil {
		return nil, err
	}
	f := truthFields{read: columns.Read, names: []string{cmp.Or(columns.Accuracy, "test_accuracy")}}
	for _, c := range columns.Proxies {
		if !slices.Contains(f.names[1:], c) {
			f.names = append(f.names, c)
		}
	}
	archs := columns.Arch
	if len(archs) == 0 {
		archs = []string{"arch"}
	}
	for i, c := range slices.Concat(archs, f.names) {
		at := slices.Index(header, c)
		if at < 0 {
			return nil, fmt.Errorf("indicator: %s: no column %q; there are %s", name, c, columnList(header))
		}
		if slices.Contains(header[at+1:], c) {
			return nil, fmt.Errorf("indicator: %s: column %q stands twice; rename one of them", name, c)
		}
		if i < len(archs) {
			f.arch = append(f.arch, at)
		} else {
			f.at = append(f.at, at)
		}
	}
	t := &Truth{Proxies: map[string][]float64{}}
	for {
		row, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("indicator: %s: %w", name, err)
		}
		if bad, err := t.add(table, row, &f); err != nil {
			line, _ := table.FieldPos(bad)
			return nil, fmt.Errorf("indicator: %s: line %d, column %q: %w", name, line, header[bad], err)
		}
	}
	if t.Len() == 0 && t.Skipped > 0 {
		return nil, fmt.Errorf("indicator: %s: no row has a value in column %q", name, f.names[0])
	}
	if t.Len() == 0 {
		return nil, fmt.Errorf("indicator: %s: no rows", name)
	}
	return t, nil
}

// truthFields are the columns of a table that are read.
type truthFields struct {
	read  Formatted
	arch  []int    // columns that make up the text of the architecture
	names []string // of the accuracy and the proxies
	at    []int    // their columns
}

// add adds a row; on an error bad is its column.
func (t *Truth) add(table *csv.Reader, row []string, f *truthFields) (bad int, err error) {
	var parts []string
	for _, i := range f.arch {
		parts = append(parts, row[i])
	}
	if row[f.arch[0]] == "" {
		return f.arch[0], errors.New("empty")
	}
	arch, canonical := strings.Join(parts, "|"), ""
	if f.read != nil {
		if arch, canonical, err = f.read(arch); err != nil {
			return f.arch[0], err
		}
	}
	values := make([]float64, len(f.names))
	for i := range values {
		if values[i], err = tableNumber(row[f.at[i]]); err != nil {
			return f.at[i], err
		}
	}
	if math.IsNaN(values[0]) {
		t.Skipped++
		return 0, nil
	}
	line, _ := table.FieldPos(f.arch[0])
	if k, ok := t.rowIn(t.byArch, arch); ok {
		for i := range values {
			if before := t.value(f.names[i], i, k); !sameNumber(before, values[i]) {
				return f.at[i], fmt.Errorf("%q has %v here and %v in line %d; keep one of the rows", arch, values[i], before, t.lines[k])
			}
		}
		return 0, nil
	}
	at := t.Len()
	t.arch = append(t.arch, int32(t.texts.intern(arch)))
	t.byArch.put(int(t.arch[at]), at)
	if canonical != "" {
		network := t.texts.intern(canonical)
		if _, ok := t.networks.row(network); !ok {
			t.networks.put(network, at)
		}
	}
	t.Accuracy = append(t.Accuracy, values[0])
	t.lines = append(t.lines, line)
	for i := 1; i < len(f.names); i++ {
		t.Proxies[f.names[i]] = append(t.Proxies[f.names[i]], values[i])
	}
	return 0, nil
}

// value returns what row k has in field i of the accuracy and the proxies, which has the given name.
func (t *Truth) value(name string, i, k int) float64 {
	if i == 0 {
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
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || strings.ContainsAny(cell, "_xX") { // Go's 1_000 and 0x1p3 are other programs' texts
		return 0, fmt.Errorf("%q is not a finite number", cell)
	}
	return v, nil
}

func sameNumber(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
