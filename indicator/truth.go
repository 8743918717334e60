package indicator

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// Truth is a table of accuracies of architectures that were trained on their own.
type Truth struct {
	Arch     []string  // as the table writes them
	Accuracy []float64 // in the table's units
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

// ReadTruth reads two columns of a CSV table with a header: archColumn ("" for arch) and accuracyColumn ("" for
// test_accuracy). Each architecture must occur once; each accuracy must be finite. Errors name the file, line and column.
func ReadTruth(r io.Reader, name, archColumn, accuracyColumn string) (*Truth, error) {
	if archColumn == "" {
		archColumn = "arch"
	}
	if accuracyColumn == "" {
		accuracyColumn = "test_accuracy"
	}
	table, header, err := openTable(r, name)
	if err != nil {
		return nil, err
	}
	columns := [2]int{slices.Index(header, archColumn), slices.Index(header, accuracyColumn)}
	for i, c := range [2]string{archColumn, accuracyColumn} {
		if columns[i] < 0 {
			return nil, fmt.Errorf("indicator: %s: no column %q; there are %q", name, c, header)
		}
	}
	t := &Truth{index: map[string]int{}}
	for {
		row, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("indicator: %s: %w", name, err)
		}
		arch := row[columns[0]]
		line, _ := table.FieldPos(columns[0])
		if arch == "" {
			return nil, fmt.Errorf("indicator: %s: line %d, column %q: empty", name, line, archColumn)
		}
		if first, ok := t.index[arch]; ok {
			return nil, fmt.Errorf("indicator: %s: line %d, column %q: %q again, first in row %d", name, line, archColumn, arch, first+1)
		}
		accuracy, err := strconv.ParseFloat(row[columns[1]], 64)
		if err != nil || math.IsNaN(accuracy) || math.IsInf(accuracy, 0) {
			line, _ := table.FieldPos(columns[1])
			return nil, fmt.Errorf("indicator: %s: line %d, column %q: %q is not a finite number", name, line, accuracyColumn, row[columns[1]])
		}
		t.index[arch] = len(t.Arch)
		t.Arch = append(t.Arch, arch)
		t.Accuracy = append(t.Accuracy, accuracy)
	}
	if len(t.Arch) == 0 {
		return nil, fmt.Errorf("indicator: %s: no rows", name)
	}
	return t, nil
}
