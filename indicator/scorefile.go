package indicator

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A score file is a CSV table: arch, canonical, dead (true or false), a column for each term by name, and the check of the
// row. Scores of several repeats also have their number and, for each term, a column NAME_sd of its spread. Numbers are
// written so that they read back to the bit; −∞ is -Inf; an empty cell is a term that was not computed. Rows are
// appended whole, so that a killed program leaves at most one unfinished last line, which is dropped on opening.

var scoreHeader = []string{"arch", "canonical", "dead"}

const (
	repeatsColumn = "repeats"
	spreadSuffix  = "_sd" // of the column of a term's spread, behind the name of the term
)

// ScoreColumns returns the columns of a new score file with a number of repeats.
func ScoreColumns(repeats int) []string {
	columns := append(slices.Clone(scoreHeader), TermNames()...)
	if repeats > 1 {
		columns = append(columns, repeatsColumn)
		for _, name := range TermNames() {
			columns = append(columns, name+spreadSuffix)
		}
	}
	return append(columns, CheckColumn)
}

// WriteScores writes a whole score file.
func WriteScores(w io.Writer, scores []Scores) error {
	repeats := 1
	for _, s := range scores {
		repeats = max(repeats, s.Repeats)
	}
	columns := ScoreColumns(repeats)
	text := csvLine(columns)
	for _, s := range scores {
		text = append(text, s.line(columns)...)
	}
	_, err := w.Write(text)
	return err
}

// line returns the row of a score file.
func (s Scores) line(columns []string) []byte {
	row := make([]string, len(columns))
	check := -1
	for i, name := range columns {
		switch name {
		case "arch":
			row[i] = s.Arch
		case "canonical":
			row[i] = s.Canonical
		case "dead":
			row[i] = strconv.FormatBool(s.Dead)
		case CheckColumn:
			check = i
		case repeatsColumn:
			if s.Repeats > 1 {
				row[i] = strconv.Itoa(s.Repeats)
			}
		default:
			term, spread := strings.CutSuffix(name, spreadSuffix)
			t, _ := termIndex(term)
			if !spread {
				row[i] = formatScore(s.Values[t])
			} else if s.Spread != nil {
				row[i] = formatScore(s.Spread[t])
			}
		}
	}
	if check >= 0 {
		row[check] = rowCheck(columns, row)
	}
	return csvLine(row)
}

// formatScore returns the cell of a value: empty for NaN.
func formatScore(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// csvLine returns the line of a record.
func csvLine(record []string) []byte {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	_ = out.Write(record) // a bytes.Buffer takes every write
	out.Flush()
	return b.Bytes()
}

// ScoreFile appends to a score file.
type ScoreFile struct {
	file    *os.File
	size    int64 // of the whole rows
	columns []string
}

// OpenScores opens a score file of a number of repeats for appending, or makes one, and returns its scores. It cuts off an
// unfinished last line. It is an error if the file's columns are not those of this program. A file of an older version without
// the column of checks is continued without it.
func OpenScores(path string, repeats int) (*ScoreFile, []Scores, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("indicator: scores: %w", err)
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	columns := ScoreColumns(repeats)
	var known []Scores
	if len(data) > 0 {
		if known, err = ReadScores(bytes.NewReader(data), path); err != nil {
			return nil, nil, err
		}
		if !bytes.HasPrefix(data, csvLine(columns)) {
			columns = columns[:len(columns)-1] // all but the check
		}
		if !bytes.HasPrefix(data, csvLine(columns)) {
			return nil, nil, fmt.Errorf("indicator: %s: written with other terms or repeats than these; it cannot be continued", path)
		}
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, nil, fmt.Errorf("indicator: scores: %w", err)
	}
	f := &ScoreFile{file: file, size: int64(len(data)), columns: columns}
	if err := file.Truncate(f.size); err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("indicator: scores: %w", err)
	}
	if len(data) == 0 {
		if err := f.append(csvLine(columns)); err != nil {
			file.Close()
			return nil, nil, err
		}
	}
	return f, known, nil
}

// Write appends one row in one write. After an error (a full disk) the file ends with the row before.
func (f *ScoreFile) Write(s Scores) error { return f.append(s.line(f.columns)) }

func (f *ScoreFile) append(line []byte) error {
	if _, err := f.file.WriteAt(line, f.size); err != nil {
		return fmt.Errorf("indicator: scores: %w", errors.Join(err, f.file.Truncate(f.size)))
	}
	f.size += int64(len(line))
	return nil
}

// Sync waits until all rows are on the disk.
func (f *ScoreFile) Sync() error {
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("indicator: scores: %w", err)
	}
	return nil
}

// Close syncs and closes the file.
func (f *ScoreFile) Close() error { return errors.Join(f.file.Sync(), f.file.Close()) }
