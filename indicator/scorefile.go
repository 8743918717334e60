package indicator

import (
	"bufio"
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
	b := bufio.NewWriter(w)
	_, _ = b.Write(csvLine(columns)) // Flush returns the first error
	for _, s := range scores {
		_, _ = b.Write(s.line(columns))
	}
	return b.Flush()
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
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, nil, fmt.Errorf("indicator: scores: %w", err)
	}
	f := &ScoreFile{file: file, columns: ScoreColumns(repeats)}
	known, err := f.open(path)
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return f, known, nil
}

// open reads the scores of the file and cuts off an unfinished last line. An empty file gets its first line. The file stays as
// it is after an error in what it has.
func (f *ScoreFile) open(path string) ([]Scores, error) {
	size, err := wholeLines(f.file)
	if err != nil {
		return nil, fmt.Errorf("indicator: scores: %w", err)
	}
	var known []Scores
	if size > 0 {
		if known, err = ReadScores(io.NewSectionReader(f.file, 0, size), path); err != nil {
			return nil, err
		}
		first, err := bufio.NewReader(io.NewSectionReader(f.file, 0, size)).ReadBytes('\n')
		if err != nil {
			return nil, fmt.Errorf("indicator: scores: %w", err)
		}
		if !bytes.Equal(first, csvLine(f.columns)) {
			f.columns = f.columns[:len(f.columns)-1] // all but the check
		}
		if !bytes.Equal(first, csvLine(f.columns)) {
			return nil, fmt.Errorf("indicator: %s: written with other terms or repeats than these; it cannot be continued", path)
		}
	}
	f.size = size
	if err := f.file.Truncate(size); err != nil {
		return nil, fmt.Errorf("indicator: scores: %w", err)
	}
	if size == 0 {
		return nil, f.append(csvLine(f.columns))
	}
	return known, nil
}

// wholeLines returns the size of a file without an unfinished last line.
func wholeLines(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	part := make([]byte, 1<<16)
	for end := info.Size(); end > 0; {
		from := max(end-int64(len(part)), 0)
		n, err := file.ReadAt(part[:end-from], from)
		if err != nil {
			return 0, err
		}
		if at := bytes.LastIndexByte(part[:n], '\n'); at >= 0 {
			return from + int64(at) + 1, nil
		}
		end = from
	}
	return 0, nil
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
