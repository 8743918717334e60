package indicator

import (
	"errors"
	"fmt"
	"math"
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

// scoreLayout holds the meaning of each column of a score file.
type scoreLayout struct {
	columns                                []string
	arch, canonical, dead, repeats, checks int   // columns; −1: the file does not have it
	terms                                  []int // of each column the term, or −1
	spread                                 []bool
	order                                  []int  // of the columns in the check
	text                                   []byte // scratch of check
}

// newScoreLayout returns the layout of a file with these columns. A column that is no term or its spread is an error.
func newScoreLayout(columns []string) (*scoreLayout, error) {
	l := &scoreLayout{columns: columns, order: checkOrder(columns), terms: make([]int, len(columns)), spread: make([]bool, len(columns))}
	for i, c := range columns {
		if slices.Contains(columns[:i], c) {
			return nil, fmt.Errorf("column %q twice", c)
		}
		l.terms[i] = -1
		if c == CheckColumn || c == repeatsColumn || slices.Contains(scoreHeader, c) {
			continue
		}
		term, spread := strings.CutSuffix(c, spreadSuffix)
		t, err := termIndex(term)
		if err != nil {
			return nil, fmt.Errorf("column %q is no term of a score file", c)
		}
		if spread && !slices.Contains(columns, repeatsColumn) {
			return nil, fmt.Errorf("column %q is a spread, and there is no column %q", c, repeatsColumn)
		}
		l.terms[i], l.spread[i] = t, spread
	}
	for _, c := range scoreHeader {
		if !slices.Contains(columns, c) {
			return nil, fmt.Errorf("no column %q; is this a score file?", c)
		}
	}
	at := func(name string) int { return slices.Index(columns, name) }
	l.arch, l.canonical, l.dead, l.repeats, l.checks = at("arch"), at("canonical"), at("dead"), at(repeatsColumn), at(CheckColumn)
	return l, nil
}

// has reports whether the file has the column of a term.
func (l *scoreLayout) has(term int) bool { return slices.Contains(l.columns, terms[term].Name) }

// row returns the cells of a row.
func (l *scoreLayout) row(s Scores) []string {
	row := make([]string, len(l.columns))
	row[l.arch], row[l.canonical], row[l.dead] = s.Arch, s.Canonical, strconv.FormatBool(s.Dead)
	if l.repeats >= 0 && s.Repeats > 1 {
		row[l.repeats] = strconv.Itoa(s.Repeats)
	}
	for i, t := range l.terms {
		switch {
		case t < 0:
		case !l.spread[i]:
			row[i] = formatScore(s.Values[t])
		case s.Spread != nil:
			row[i] = formatScore(s.Spread[t])
		}
	}
	if l.checks >= 0 {
		row[l.checks] = l.check(row)
	}
	return row
}

// formatScore returns the cell of a value: empty for NaN.
func formatScore(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// parse reads one row into s, whose texts are then parts of the row. It uses the slices that s has. On an error bad is the
// column.
func (l *scoreLayout) parse(row []string, s *Scores) (bad int, err error) {
	values, spread := s.Values, s.Spread
	*s = Scores{Arch: row[l.arch], Canonical: row[l.canonical], Dead: row[l.dead] == "true", Values: allNaN(values)}
	if l.repeats >= 0 && row[l.repeats] != "" {
		if s.Repeats, err = strconv.Atoi(row[l.repeats]); err != nil || s.Repeats < 2 {
			return l.repeats, fmt.Errorf("%q is no number of repeats", row[l.repeats])
		}
		s.Spread = allNaN(spread)
	}
	for i, cell := range row {
		switch {
		case i == l.arch && cell == "":
			return i, errors.New("empty")
		case i == l.dead && cell != "true" && cell != "false":
			return i, fmt.Errorf("%q is neither true nor false", cell)
		case l.terms[i] >= 0 && cell != "":
			if err := l.set(s, i, cell); err != nil {
				return i, err
			}
		}
	}
	return 0, nil
}

// allNaN returns a NaN for each term, in the memory of a slice if it has that many.
func allNaN(of []float64) []float64 {
	of = slices.Grow(of[:0], len(terms))[:len(terms)]
	for i := range of {
		of[i] = math.NaN()
	}
	return of
}

// set reads the cell of a term, or of its spread.
func (l *scoreLayout) set(s *Scores, column int, cell string) error {
	v, err := strconv.ParseFloat(cell, 64)
	switch t := l.terms[column]; {
	case l.spread[column] && (err != nil || !(v >= 0) || math.IsInf(v, 1)):
		return fmt.Errorf("%q is not a standard deviation", cell)
	case l.spread[column] && s.Spread == nil:
		return fmt.Errorf("%q is the spread of a row without repeats", cell)
	case l.spread[column]:
		s.Spread[t] = v
	case err != nil || math.IsNaN(v) || math.IsInf(v, 1):
		return fmt.Errorf("%q is not a score", cell)
	default:
		s.Values[t] = v
	}
	return nil
}

// same reports whether both are the same in every figure.
func (s Scores) same(o Scores) bool {
	return s.Arch == o.Arch && s.Canonical == o.Canonical && s.Dead == o.Dead && s.Repeats == o.Repeats &&
		slices.EqualFunc(s.Values, o.Values, sameNumber) && slices.EqualFunc(s.Spread, o.Spread, sameNumber)
}
