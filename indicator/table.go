package indicator

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
)

// openTable reads the header of a CSV table. The reader reuses its record: a row is valid until the next one is read.
// Errors name the file.
func openTable(r io.Reader, name string) (table *csv.Reader, header []string, err error) {
	table = csv.NewReader(r)
	table.ReuseRecord = true
	header, err = table.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("indicator: %s: empty", name)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("indicator: %s: %w", name, err)
	}
	return table, slices.Clone(header), nil
}
