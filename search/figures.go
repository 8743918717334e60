package search

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"bnas.example/internal/wholefile"
)

// Figures is a table of what was measured under one setup: some numbers under a name. In a file it has the figures of other setups
// too, which it leaves alone. A figure is on the disk before it is used: it cannot be measured again to the bit.
type Figures struct {
	setup string
	check func(values []float64) error // of a row; nil: any finite numbers
	of    map[string][]float64
	file  *os.File // nil: the table is in memory alone
}

// OpenFigures opens the table at path, or makes it; "" is a table in memory. columns name the numbers of a row, and check, or nil, judges
// them: those of the file, and those that are added. An unfinished last line is dropped.
func OpenFigures(path, setup string, check func(values []float64) error, columns ...string) (*Figures, error) {
	f := &Figures{setup: setup, check: check, of: map[string][]float64{}}
	if path == "" {
		return f, nil
	}
	file, err := wholefile.OpenGrowing(path)
	if err != nil {
		return nil, fmt.Errorf("search: figures: %w", err)
	}
	f.file = file
	if err := f.begin(append([]string{"setup", "name"}, columns...)); err != nil {
		file.Close()
		return nil, fmt.Errorf("search: %s: %w", path, err)
	}
	return f, nil
}

// begin reads the file to the end of its last whole line, where the next row goes, and writes the first line if there is none.
func (f *Figures) begin(header []string) error {
	text, err := io.ReadAll(f.file)
	if err != nil {
		return err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	if len(whole) == 0 && !strings.HasPrefix(strings.Join(header, ",")+"\r", string(text)) {
		return errors.New("it has no line and is no beginning of a table; move the file away")
	}
	text = whole
	headed, err := f.read(text, header)
	if err != nil {
		return err
	}
	if err := f.file.Truncate(int64(len(text))); err != nil {
		return err
	}
	if _, err := f.file.Seek(int64(len(text)), io.SeekStart); err != nil {
		return err
	}
	if !headed {
		return f.write(header)
	}
	return nil
}

// read reads whole lines, and keeps the rows of the setup. Of several rows of one name the first holds. headed says that the first line
// is there.
func (f *Figures) read(text []byte, header []string) (headed bool, err error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1 // the columns tell more than their number
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return headed, nil
		}
		if err != nil {
			return headed, fmt.Errorf("%w; delete the line, or move the file away", err)
		}
		line, _ := r.FieldPos(0)
		if !headed {
			if headed = true; !slices.Equal(row, header) {
				return headed, fmt.Errorf("line %d: the columns are %q, want %q; move the file away", line, row, header)
			}
			continue
		}
		values, err := f.parse(row, len(header))
		if err != nil {
			return headed, fmt.Errorf("line %d: %w; delete the line", line, err)
		}
		if _, known := f.of[row[1]]; row[0] == f.setup && !known {
			f.of[row[1]] = values
		}
	}
}

// parse returns the figures of a row of n cells.
func (f *Figures) parse(row []string, n int) ([]float64, error) {
	if len(row) != n {
		return nil, fmt.Errorf("%d cells, want %d", len(row), n)
	}
	var values []float64
	for _, cell := range row[2:] {
		x, err := strconv.ParseFloat(cell, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a figure", cell)
		}
		values = append(values, x)
	}
	return values, f.judge(values)
}

// judge returns an error if the figures of a row cannot be.
func (f *Figures) judge(values []float64) error {
	for _, x := range values {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%v is not a figure", x)
		}
	}
	if f.check == nil {
		return nil
	}
	return f.check(values)
}

// write appends a row as one write.
func (f *Figures) write(row []string) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(row); err != nil {
		return err
	}
	w.Flush()
	_, err := f.file.Write(b.Bytes())
	return err
}

// Lookup returns the figures of a name.
func (f *Figures) Lookup(name string) (values []float64, ok bool) {
	values, ok = f.of[name]
	return values, ok
}

// Add keeps the figures of a name that has none. It is an error if they cannot be. It waits until they are on the disk.
func (f *Figures) Add(name string, values ...float64) error {
	if err := f.judge(values); err != nil {
		return fmt.Errorf("search: figures: %s: %w", name, err)
	}
	if f.file != nil {
		row := []string{f.setup, name}
		for _, v := range values {
			row = append(row, strconv.FormatFloat(v, 'g', -1, 64))
		}
		if err := errors.Join(f.write(row), f.file.Sync()); err != nil {
			return fmt.Errorf("search: figures: %w", err)
		}
	}
	f.of[name] = values
	return nil
}

// Close closes the file, if there is one.
func (f *Figures) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}
