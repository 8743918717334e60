package indicator

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"

	"bnas.example/supernet"
)

// ReadScores reads a score file. Columns may be in any order. Terms may be missing; their values are NaN. A column that
// is no term or its spread is an error, and so is an incomplete row, or one whose check is wrong. A table needs no checks.
// Identical rows of one architecture count once; other rows of the same architecture are an error. Errors name the file, line
// and column.
func ReadScores(r io.Reader, name string) (ScoreSet, error) {
	return readScores(r, name, func(Scores) error { return nil })
}

// ReadScoresIn is [ReadScores] of architectures of a space. A row of another architecture is an error, and so is one whose text, canonical
// form or column of the dead is not that of the space.
func ReadScoresIn(s supernet.Space, r io.Reader, name string) (ScoreSet, error) {
	return readScores(r, name, func(row Scores) error { return row.in(s) })
}

// in returns an error if what s says of its architecture is not what the space says.
func (s Scores) in(space supernet.Space) error {
	a, err := supernet.Read(space, s.Arch)
	if err != nil {
		return fmt.Errorf("%.120q is no architecture of %s: %w", s.Arch, space.Name(), err)
	}
	if text := space.Format(a); text != s.Arch {
		return fmt.Errorf("%.120q is written %.120q in %s", s.Arch, text, space.Name())
	}
	if canonical := space.Canonical(a); canonical != s.Canonical {
		return fmt.Errorf("the canonical form of %.120q is %.120q, and not %.120q", s.Arch, canonical, s.Canonical)
	}
	if dead := !space.Alive(a); dead != s.Dead {
		return fmt.Errorf("dead of %.120q is %v, and not %v", s.Arch, dead, s.Dead)
	}
	return nil
}

// readScores is ReadScores of rows that a function accepts.
func readScores(r io.Reader, name string, check func(Scores) error) (ScoreSet, error) {
	rows, err := newScoreReader(r, name)
	if err != nil {
		return ScoreSet{}, err
	}
	columns := newScoreColumns(rows.layout.has)
	var byArch rowsByText
	var lines []int
	var s Scores
	for {
		err := rows.next(&s)
		if errors.Is(err, io.EOF) {
			set := columns.all()
			columns.texts.index = hashIndex{} // it has done its work
			return set, nil
		}
		if err != nil {
			return ScoreSet{}, err
		}
		if text, ok := columns.texts.find(s.Arch); ok {
			if k, ok := byArch.row(text); ok {
				if !columns.scores(k).same(s) {
					return ScoreSet{}, contradiction(name, lines[k], rows.line(), s.Arch)
				}
				continue
			}
		}
		if err := check(s); err != nil {
			return ScoreSet{}, fmt.Errorf("indicator: %s: line %d: %w", name, rows.line(), err)
		}
		columns.add(s)
		byArch.put(int(columns.arch[len(lines)]), len(lines))
		lines = append(lines, rows.line())
	}
}

func contradiction(name string, line, other int, arch string) error {
	return fmt.Errorf("indicator: %s: lines %d and %d have different scores of %s; keep one of them", name, line, other, arch)
}

// scoreReader reads the rows of a score file one after another.
type scoreReader struct {
	table  *csv.Reader
	layout *scoreLayout
	name   string
}

// newScoreReader reads the header.
func newScoreReader(r io.Reader, name string) (*scoreReader, error) {
	table, header, err := openTable(r, name)
	if err != nil {
		return nil, err
	}
	layout, err := newScoreLayout(header)
	if err != nil {
		return nil, fmt.Errorf("indicator: %s: line 1: %w", name, err)
	}
	return &scoreReader{table, layout, name}, nil
}

// next reads a row into s, whose texts are parts of the text of the row. It uses the slices that s has. After the last row the
// error is io.EOF.
func (r *scoreReader) next(s *Scores) error {
	row, err := r.table.Read()
	if errors.Is(err, io.EOF) {
		return err
	}
	if err != nil {
		return fmt.Errorf("indicator: %s: %w", r.name, err)
	}
	if err := r.layout.verify(row); err != nil {
		return fmt.Errorf("indicator: %s: line %d: %w", r.name, r.line(), err)
	}
	if bad, err := r.layout.parse(row, s); err != nil {
		line, _ := r.table.FieldPos(bad)
		return fmt.Errorf("indicator: %s: line %d, column %q: %w", r.name, line, r.layout.columns[bad], err)
	}
	return nil
}

// line returns the first line of the row that was read last.
func (r *scoreReader) line() int {
	line, _ := r.table.FieldPos(0)
	return line
}
