package search

import (
	"fmt"
	"path/filepath"
	"time"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

// These are the files of a ledger in a run folder: the scores, and the key under which they are comparable.
const (
	ScoresName = "scores.csv"
	keyFile    = "scores.json"
)

// The ledger is synced after this number of rows or this time. A killed program loses no row. A power failure loses the rows
// since the last sync.
const (
	syncRows  = 64
	syncEvery = 5 * time.Second
)

// Key identifies the setup that produced the scores: the supernet, a hash of its parameters, the scorer's settings, the
// data. Scores under different keys are not comparable.
type Key map[string]string

// Ledger is the record of all scored architectures of a run. A score is written to it before a search uses it.
type Ledger struct {
	file     *indicator.ScoreFile
	path     string
	order    []indicator.Scores
	byArch   map[string]int
	unsynced int
	synced   time.Time
}

// OpenLedger opens the ledger of key in dir, or makes one. Its scores are of a number of repeats. It drops an unfinished last
// line. A ledger of another key that is there moves to a folder of its own under dir/ledgers, and comes back when it is opened
// again.
func OpenLedger(dir string, key Key, repeats int) (*Ledger, error) {
	path := filepath.Join(dir, ScoresName)
	if err := chooseLedger(dir, key, repeats); err != nil {
		return nil, err
	}
	file, known, err := indicator.OpenScores(path, repeats)
	if err != nil {
		return nil, err
	}
	l := &Ledger{file: file, path: path, byArch: map[string]int{}, synced: time.Now()}
	for _, s := range known {
		l.remember(s)
	}
	return l, nil
}

// Path is the file of the scores.
func (l *Ledger) Path() string { return l.path }

// remember keeps the first scores of an architecture in memory.
func (l *Ledger) remember(s indicator.Scores) {
	if _, ok := l.byArch[s.Arch]; !ok {
		l.byArch[s.Arch] = len(l.order)
		l.order = append(l.order, s)
	}
}

// Lookup returns the scores of an architecture, given in the space's text form.
func (l *Ledger) Lookup(arch string) (indicator.Scores, bool) {
	i, ok := l.byArch[arch]
	if !ok {
		return indicator.Scores{}, false
	}
	return l.order[i], true
}

// All returns every scored architecture in the order of scoring. The slice belongs to the ledger: do not change it.
func (l *Ledger) All() []indicator.Scores { return l.order }

// Add writes the scores of an architecture. It is an error if the ledger already has that architecture.
func (l *Ledger) Add(s indicator.Scores) error {
	if _, ok := l.byArch[s.Arch]; ok {
		return fmt.Errorf("search: %s: %s is already scored", l.path, s.Arch)
	}
	if err := l.file.Write(s); err != nil {
		return err
	}
	l.remember(s)
	l.unsynced++
	if l.unsynced >= syncRows || time.Since(l.synced) >= syncEvery {
		return l.Flush()
	}
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

// Recorded is an Evaluator with a ledger: it scores architectures that the ledger lacks, and records their scores.
type Recorded struct {
	Space     supernet.Space
	Evaluator Evaluator
	Ledger    *Ledger
}

// Known reports whether the scores of a are in the ledger.
func (r *Recorded) Known(a supernet.Arch) bool {
	_, ok := r.Ledger.Lookup(r.Space.Format(a))
	return ok
}

// Score returns the scores of a from the ledger, or computes and records them.
func (r *Recorded) Score(a supernet.Arch) (indicator.Scores, error) {
	if s, ok := r.Ledger.Lookup(r.Space.Format(a)); ok {
		return s, nil
	}
	s, err := r.Evaluator.Score(a)
	if err != nil {
		return s, err
	}
	return s, r.Ledger.Add(s)
}

// Flush syncs the ledger.
func (r *Recorded) Flush() error { return r.Ledger.Flush() }
