package indicator

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
)

// ScoreTable is a score file whose rows stay in the file. In memory it has a hash and a place for each architecture, about 30
// bytes. Use it from one goroutine at a time.
type ScoreTable struct {
	file   io.ReaderAt
	name   string
	size   int64 // of the whole rows
	layout *scoreLayout

	index hashIndex // of the architectures: where their first rows begin
	n     int

	buffer *bufio.Reader // of single rows
}

func newScoreTable(file io.ReaderAt, name string) *ScoreTable {
	return &ScoreTable{file: file, name: name, index: newHashIndex(), buffer: bufio.NewReader(nil)}
}

// read checks the first size bytes of the file as [ReadScores] does, and notes where the rows are.
func (t *ScoreTable) read(size int64) error {
	t.size = size
	return t.each(func(s Scores, place int64, line int) error {
		first, at, ok, err := t.find(s.Arch)
		if err != nil {
			return err
		}
		if !ok {
			t.note(s.Arch, place)
			return nil
		}
		if first.same(s) {
			return nil
		}
		before, err := t.line(at)
		if err != nil {
			return err
		}
		return contradiction(t.name, before, line, s.Arch)
	})
}

// each calls do for every row in order, with the place and the line where it begins. The next call changes the scores.
func (t *ScoreTable) each(do func(s Scores, place int64, line int) error) error {
	rows, err := newScoreReader(io.NewSectionReader(t.file, 0, t.size), t.name)
	if err != nil {
		return err
	}
	t.layout = rows.layout
	mark, err := t.mark()
	if err != nil {
		return err
	}
	var s Scores
	for {
		place := mark + rows.table.InputOffset()
		if err := rows.next(&s); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := do(s, place, rows.line()); err != nil {
			return err
		}
	}
}

// mark returns the length of the byte-order mark: the places of a reader of rows begin behind it.
func (t *ScoreTable) mark() (int64, error) {
	var head [len(byteOrderMark)]byte
	if _, err := t.file.ReadAt(head[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("indicator: %s: %w", t.name, err)
	}
	if string(head[:]) != byteOrderMark {
		return 0, nil
	}
	return int64(len(byteOrderMark)), nil
}

// note adds an architecture whose first row is at a place.
func (t *ScoreTable) note(arch string, place int64) {
	t.index.note(arch, place)
	t.n++
}

// find reads the row of an architecture.
func (t *ScoreTable) find(arch string) (s Scores, place int64, ok bool, err error) {
	for place := range t.index.candidates(arch) {
		if s, _, err = t.at(place); err != nil || s.Arch == arch {
			return s, place, err == nil, err
		}
	}
	return Scores{}, 0, false, nil
}

// at reads the row that begins at a place. lines counts its lines from that place.
func (t *ScoreTable) at(place int64) (s Scores, lines int, err error) {
	t.buffer.Reset(io.NewSectionReader(t.file, place, t.size-place))
	table := csv.NewReader(t.buffer)
	table.FieldsPerRecord = len(t.layout.columns)
	row, err := table.Read()
	if err == nil {
		err = t.layout.verify(row)
	}
	if err == nil {
		_, err = t.layout.parse(row, &s)
	}
	if err != nil {
		return s, 0, fmt.Errorf("indicator: %s: the row at byte %d, which was whole before: %w", t.name, place, err)
	}
	lines, _ = table.FieldPos(0)
	return s, lines, nil
}

// line returns the line of the row that begins at a place.
func (t *ScoreTable) line(place int64) (int, error) {
	_, line, err := t.at(place)
	before := bufio.NewReader(io.NewSectionReader(t.file, 0, place))
	part := make([]byte, 1<<16)
	for err == nil {
		var n int
		n, err = before.Read(part)
		line += bytes.Count(part[:n], []byte("\n"))
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return line, err
}

// Len returns the number of architectures.
func (t *ScoreTable) Len() int { return t.n }

// Lookup reads the scores of an architecture, given in the space's text form.
func (t *ScoreTable) Lookup(arch string) (s Scores, ok bool, err error) {
	s, _, ok, err = t.find(arch)
	s.Arch, s.Canonical = strings.Clone(s.Arch), strings.Clone(s.Canonical)
	return s, ok, err
}

// EachScore reads the rows of a score file one after another, with the errors of [ReadScores] but one: it does not compare rows of one
// architecture. The next row changes the slices of the scores. After an error it ends.
func EachScore(path string) iter.Seq2[Scores, error] {
	return func(yield func(Scores, error) bool) {
		file, err := os.Open(path)
		if err != nil {
			yield(Scores{}, fmt.Errorf("indicator: scores: %w", err))
			return
		}
		defer file.Close()
		rows, err := newScoreReader(file, path)
		var s Scores
		for err == nil {
			if err = rows.next(&s); err == nil && !yield(s, nil) {
				return
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(Scores{}, err)
		}
	}
}
