package search

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

// ScoresName is the file of the scores of a ledger in a run folder. Beside it is the key under which they are comparable.
const ScoresName = "scores.csv"

var keyFile = ProvenancePath(ScoresName)

// The ledger is synced after this number of rows or this time. A killed program loses no row. A power failure loses the rows
// since the last sync.
const (
	syncRows  = 64
	syncEvery = 5 * time.Second
)

// Key identifies the setup that produced the scores: the supernet, a hash of its parameters, the scorer's settings, the
// data. Scores under different keys are not comparable.
type Key map[string]string

// Ledger is the record of all scored architectures of a run. A score is written to it before a search uses it. The scores stay
// in the file: see [indicator.ScoreTable] for the memory.
type Ledger struct {
	file     *indicator.ScoreFile
	path     string
	key      Key
	made     []Made // what has computed its rows
	by       Made   // what computes the next ones
	unsynced int
	synced   time.Time
	taken    int
}

// OpenLedger opens the ledger of key in dir, or makes one. Its scores are of a number of repeats, and by computes those that it lacks. It
// reads every row once, and drops an unfinished last line. A ledger of another key that is there moves to a folder of its own under dir/ledgers, and
// comes back when it is opened again.
func OpenLedger(dir string, key Key, repeats int, by Made) (*Ledger, error) {
	path := filepath.Join(dir, ScoresName)
	made, err := chooseLedger(dir, key, repeats)
	if err != nil {
		return nil, err
	}
	file, err := indicator.OpenScores(path, repeats)
	if err != nil {
		return nil, err
	}
	return &Ledger{file: file, path: path, key: key, made: made, by: by, synced: time.Now()}, nil
}

// Path is the file of the scores.
func (l *Ledger) Path() string { return l.path }

// Provenance says under which key the scores are, and what has computed them.
func (l *Ledger) Provenance() Provenance { return Provenance{l.key, slices.Clone(l.made)} }

// Len returns the number of scored architectures.
func (l *Ledger) Len() int { return l.file.Len() }

// Taken returns how often a Recorded found the scores of an architecture in the ledger since it was opened.
func (l *Ledger) Taken() int { return l.taken }

// Lookup reads the scores of an architecture, given in the space's text form.
func (l *Ledger) Lookup(arch string) (s indicator.Scores, ok bool, err error) {
	return l.file.Lookup(arch)
}

// Add writes the scores of an architecture. It is an error if the ledger already has that architecture.
func (l *Ledger) Add(s indicator.Scores) error {
	if _, ok, err := l.Lookup(s.Arch); err != nil {
		return err
	} else if ok {
		return fmt.Errorf("search: %s: %s is already scored", l.path, s.Arch)
	}
	if err := l.sign(); err != nil {
		return err
	}
	if err := l.file.Write(s); err != nil {
		return err
	}
	l.unsynced++
	if l.unsynced >= syncRows || time.Since(l.synced) >= syncEvery {
		return l.Flush()
	}
	return nil
}

// sign names what computes the next row in the provenance, before that row is written. The rows of an older program, which named
// nothing, are of an unknown version.
func (l *Ledger) sign() error {
	made := slices.Clip(l.made)
	if len(made) == 0 && l.Len() > 0 {
		made = append(made, Made{})
	}
	if slices.Contains(made, l.by) {
		return nil
	}
	made = append(made, l.by)
	if err := writeProvenance(filepath.Dir(l.path), l.key, made); err != nil {
		return err
	}
	l.made = made
	return nil
}

// Flush waits until all rows are on the disk.
func (l *Ledger) Flush() error {
	if l.unsynced == 0 {
		return nil
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("search: ledger: %w", err)
	}
	l.unsynced, l.synced = 0, time.Now()
	return nil
}

// Close syncs and closes the ledger.
func (l *Ledger) Close() error { return l.file.Close() }

// recorded is an Evaluator that keeps its scores, and knows whether it had them.
type recorded interface {
	score(a supernet.Arch) (s indicator.Scores, known bool, err error)
}

// Recorded is an Evaluator with a ledger: it scores architectures that the ledger lacks, and records their scores.
type Recorded struct {
	Space     supernet.Space
	Evaluator Evaluator
	Ledger    *Ledger
}

// Score returns the scores of a from the ledger, or computes and records them.
func (r *Recorded) Score(a supernet.Arch) (indicator.Scores, error) {
	s, _, err := r.score(a)
	return s, err
}

// score is Score. known says that the scores are from the ledger.
func (r *Recorded) score(a supernet.Arch) (s indicator.Scores, known bool, err error) {
	if s, known, err = r.Ledger.Lookup(r.Space.Format(a)); known || err != nil {
		if known {
			r.Ledger.taken++
		}
		return s, known, err
	}
	if s, err = r.Evaluator.Score(a); err != nil {
		return s, false, err
	}
	return s, false, r.Ledger.Add(s)
}

// Flush syncs the ledger.
func (r *Recorded) Flush() error { return r.Ledger.Flush() }
