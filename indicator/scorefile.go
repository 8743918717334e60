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
)

// A score file is a CSV table: arch, canonical, dead (true or false), then a column for each term by name. Numbers are
// written so that they read back to the bit; −∞ is -Inf; an empty cell is a term that was not computed. Rows are
// appended whole, so that a killed program leaves at most one unfinished last line, which is dropped on opening.

var scoreHeader = []string{"arch", "canonical", "dead"}

// ScoreColumns returns the columns of a score file.
func ScoreColumns() []string { return append(slices.Clone(scoreHeader), TermNames()...) }

// WriteScores writes a whole score file.
func WriteScores(w io.Writer, scores []Scores) error {
	out := csv.NewWriter(w)
	if err := out.Write(ScoreColumns()); err != nil {
		return err
	}
	for _, s := range scores {
		if err := out.Write(s.row()); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func (s Scores) row() []string {
	row := []string{s.Arch, s.Canonical, strconv.FormatBool(s.Dead)}
	for _, v := range s.Values {
		if math.IsNaN(v) {
			row = append(row, "")
		} else {
			row = append(row, strconv.FormatFloat(v, 'g', -1, 64))
		}
	}
	return row
}

// ReadScores reads a score file. Columns may be in any order. Terms may be missing; their values are NaN. A column that
// is no term is an error, and so is an incomplete row. Identical rows of one architecture count once; other rows of the same
// architecture are an error. Errors name the file, line and column.
func ReadScores(r io.Reader, name string) ([]Scores, error) {
	table, header, err := openTable(r, name)
	if err != nil {
		return nil, err
	}
	if err := checkScoreHeader(header); err != nil {
		return nil, fmt.Errorf("indicator: %s: line 1: %w", name, err)
	}
	var all []Scores
	var lines []int
	index := map[string]int{}
	for {
		row, err := table.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("indicator: %s: %w", name, err)
		}
		s, bad, err := parseScores(header, row)
		if err != nil {
			line, _ := table.FieldPos(bad)
			return nil, fmt.Errorf("indicator: %s: line %d, column %q: %w", name, line, header[bad], err)
		}
		line, _ := table.FieldPos(0)
		if k, ok := index[s.Arch]; ok {
			if !all[k].same(s) {
				return nil, fmt.Errorf("indicator: %s: lines %d and %d have different scores of %s; keep one of them", name, lines[k], line, s.Arch)
			}
			continue
		}
		index[s.Arch] = len(all)
		all, lines = append(all, s), append(lines, line)
	}
}

// same reports whether both are the same in every figure.
func (s Scores) same(o Scores) bool {
	return s.Arch == o.Arch && s.Canonical == o.Canonical && s.Dead == o.Dead && slices.EqualFunc(s.Values, o.Values, sameNumber)
}

func checkScoreHeader(header []string) error {
	for i, c := range header {
		if slices.Contains(header[:i], c) {
			return fmt.Errorf("column %q twice", c)
		}
		if _, err := termIndex(c); err != nil && !slices.Contains(scoreHeader, c) {
			return fmt.Errorf("column %q is no term of a score file", c)
		}
	}
	for _, c := range scoreHeader {
		if !slices.Contains(header, c) {
			return fmt.Errorf("no column %q; is this a score file?", c)
		}
	}
	return nil
}

// parseScores reads one row; on an error bad is its column.
func parseScores(header, row []string) (s Scores, bad int, err error) {
	s.Values = slices.Repeat([]float64{math.NaN()}, len(terms))
	for i, cell := range row {
		switch header[i] {
		case "arch":
			s.Arch = cell
			if cell == "" {
				return s, i, errors.New("empty")
			}
		case "canonical":
			s.Canonical = cell
		case "dead":
			if cell != "true" && cell != "false" {
				return s, i, fmt.Errorf("%q is neither true nor false", cell)
			}
			s.Dead = cell == "true"
		default:
			if cell == "" {
				continue
			}
			v, err := strconv.ParseFloat(cell, 64)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 1) {
				return s, i, fmt.Errorf("%q is not a score", cell)
			}
			t, _ := termIndex(header[i])
			s.Values[t] = v
		}
	}
	return s, 0, nil
}

// ScoreFile appends to a score file.
type ScoreFile struct {
	file *os.File
	size int64 // of the whole rows
}

// OpenScores opens a score file for appending, or makes one, and returns its scores. It cuts off an unfinished last line.
// It is an error if the file's columns are not the terms of this program.
func OpenScores(path string) (*ScoreFile, []Scores, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("indicator: scores: %w", err)
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	var known []Scores
	if len(data) > 0 {
		if known, err = ReadScores(bytes.NewReader(data), path); err != nil {
			return nil, nil, err
		}
		if first, _, _ := bytes.Cut(data, []byte("\n")); !bytes.Equal(first, headerLine()) {
			return nil, nil, fmt.Errorf("indicator: %s: written with other terms than this program's; it cannot be continued", path)
		}
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, nil, fmt.Errorf("indicator: scores: %w", err)
	}
	f := &ScoreFile{file: file, size: int64(len(data))}
	if err := file.Truncate(f.size); err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("indicator: scores: %w", err)
	}
	if len(data) == 0 {
		if err := f.append(append(headerLine(), '\n')); err != nil {
			file.Close()
			return nil, nil, err
		}
	}
	return f, known, nil
}

func headerLine() []byte {
	var b bytes.Buffer
	_ = WriteScores(&b, nil) // a bytes.Buffer takes every write
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Write appends one row in one write. After an error (a full disk) the file ends with the row before.
func (f *ScoreFile) Write(s Scores) error {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	if err := out.Write(s.row()); err != nil {
		return err
	}
	out.Flush()
	return f.append(b.Bytes())
}

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
