package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"bnas.example/indicator"
	"bnas.example/internal/wholefile"
	"bnas.example/run"
	"bnas.example/search"
	"bnas.example/supernet"
)

// scoredList is a list of architectures with their scores. The scores are in the ledger. Without one they are in memory or, if
// there are many, in a temporary file.
type scoredList struct {
	space   supernet.Space
	archs   *supernet.List
	add     func(indicator.Scores) error // of the next architecture
	at      func(i int) (indicator.Scores, error)
	from    func() (search.Provenance, error)
	closing []func() error
}

// inMemory is the largest number of scores in memory, about 20 MB.
const inMemory = 1 << 15

// newScoredList returns the list of architectures that the evaluator will score. close closes the evaluator.
func newScoredList(r *run.Run, archs *supernet.List, e *run.Evaluator) (scoredList, error) {
	l := scoredList{space: r.Net.Space, archs: archs, from: e.Provenance, closing: []func() error{e.Close}}
	switch {
	case e.Path() != "":
		l.add = func(indicator.Scores) error { return nil }
		l.at = func(i int) (indicator.Scores, error) { return e.Score(archs.At(i)) }
	case archs.Len() <= inMemory:
		var scores []indicator.Scores
		l.add = func(s indicator.Scores) error { scores = append(scores, s); return nil }
		l.at = func(i int) (indicator.Scores, error) { return scores[i], nil }
	default:
		return l, l.onDisk(int(r.Config.Score.Repeats))
	}
	return l, nil
}

// onDisk keeps the scores in a temporary file.
func (l *scoredList) onDisk(repeats int) error {
	file, err := os.CreateTemp("", "bnas-scores-*.csv")
	if err != nil {
		return fmt.Errorf("temporary files (TMPDIR): %w", err)
	}
	path := file.Name()
	file.Close()
	l.closing = append(l.closing, func() error { return os.Remove(path) })
	table, err := indicator.OpenScores(path, repeats)
	if err != nil {
		return err
	}
	l.closing = append(l.closing, table.Close)
	l.add = func(s indicator.Scores) error {
		if _, ok, err := table.Lookup(s.Arch); ok || err != nil {
			return err // the list has an architecture twice
		}
		return table.Write(s)
	}
	l.at = func(i int) (indicator.Scores, error) {
		s, _, err := table.Lookup(l.space.Format(l.archs.At(i)))
		return s, err
	}
	return nil
}

// save writes a score file of a number of repeats, and its provenance beside it. The one of older scores is removed before these are
// replaced: after an error or a kill none is beside scores that it does not describe.
func (l *scoredList) save(file string, repeats int) error {
	from, err := l.from()
	if err != nil {
		return err
	}
	err = wholefile.WriteFrom(file, func(w io.Writer) error {
		if err := l.write(w, repeats); err != nil {
			return err
		}
		if err := os.Remove(search.ProvenancePath(file)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	return from.Write(file)
}

// write writes a score file of a number of repeats.
func (l *scoredList) write(w io.Writer, repeats int) error {
	out, err := indicator.NewScoreWriter(w, repeats)
	if err != nil {
		return err
	}
	for i := range l.archs.Len() {
		s, err := l.at(i)
		if err == nil {
			err = out.Write(s)
		}
		if err != nil {
			return err
		}
	}
	return out.Flush()
}

// close closes what the scores are in, and removes what is temporary.
func (l *scoredList) close() {
	for i := len(l.closing) - 1; i >= 0; i-- {
		_ = l.closing[i]() // the scores were synced, or are temporary
	}
}
