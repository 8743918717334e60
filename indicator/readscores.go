package indicator

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ReadScores reads a score file. Columns may be in any order. Terms may be missing; their values are NaN. A column that
// is no term or its spread is an error, and so is an incomplete row, or one whose check is wrong. A table needs no checks.
// Identical rows of one architecture count once; other rows of the same architecture are an error. Errors name the file, line
// and column.
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
		line, _ := table.FieldPos(0)
		if err := verifyRow(header, row); err != nil {
			return nil, fmt.Errorf("indicator: %s: line %d: %w", name, line, err)
		}
		s, bad, err := parseScores(header, row)
		if err != nil {
			line, _ := table.FieldPos(bad)
			return nil, fmt.Errorf("indicator: %s: line %d, column %q: %w", name, line, header[bad], err)
		}
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
	return s.Arch == o.Arch && s.Canonical == o.Canonical && s.Dead == o.Dead && s.Repeats == o.Repeats &&
		slices.EqualFunc(s.Values, o.Values, sameNumber) && slices.EqualFunc(s.Spread, o.Spread, sameNumber)
}

func checkScoreHeader(header []string) error {
	for i, c := range header {
		if slices.Contains(header[:i], c) {
			return fmt.Errorf("column %q twice", c)
		}
		term, spread := strings.CutSuffix(c, spreadSuffix)
		if _, err := termIndex(term); err != nil && c != CheckColumn && c != repeatsColumn && !slices.Contains(scoreHeader, c) {
			return fmt.Errorf("column %q is no term of a score file", c)
		}
		if spread && !slices.Contains(header, repeatsColumn) {
			return fmt.Errorf("column %q is a spread, and there is no column %q", c, repeatsColumn)
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
	if i := slices.Index(header, repeatsColumn); i >= 0 && row[i] != "" {
		if s.Repeats, err = strconv.Atoi(row[i]); err != nil || s.Repeats < 2 {
			return s, i, fmt.Errorf("%q is no number of repeats", row[i])
		}
		s.Spread = slices.Repeat([]float64{math.NaN()}, len(terms))
	}
	for i, cell := range row {
		switch header[i] {
		case "arch":
			s.Arch = strings.Clone(cell) // a cell is a part of the text of its row
			if cell == "" {
				return s, i, errors.New("empty")
			}
		case "canonical":
			s.Canonical = strings.Clone(cell)
		case "dead":
			if cell != "true" && cell != "false" {
				return s, i, fmt.Errorf("%q is neither true nor false", cell)
			}
			s.Dead = cell == "true"
		case CheckColumn, repeatsColumn:
		default:
			if err := s.set(header[i], cell); err != nil {
				return s, i, err
			}
		}
	}
	return s, 0, nil
}

// set reads the cell of a term, or of its spread. An empty cell changes nothing.
func (s *Scores) set(column, cell string) error {
	if cell == "" {
		return nil
	}
	v, err := strconv.ParseFloat(cell, 64)
	term, spread := strings.CutSuffix(column, spreadSuffix)
	t, _ := termIndex(term)
	switch {
	case spread && (err != nil || !(v >= 0) || math.IsInf(v, 1)):
		return fmt.Errorf("%q is not a standard deviation", cell)
	case spread && s.Spread == nil:
		return fmt.Errorf("%q is the spread of a row without repeats", cell)
	case spread:
		s.Spread[t] = v
	case err != nil || math.IsNaN(v) || math.IsInf(v, 1):
		return fmt.Errorf("%q is not a score", cell)
	default:
		s.Values[t] = v
	}
	return nil
}
