package search

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bnas.example/indicator"
	"bnas.example/internal/wholefile"
)

// A folder has one ledger at a time. The ledgers of other keys, or of other terms, lie in folders of their own under
// ledgersFolder. A ledger comes back when its key does. Its key is written before its scores move, so that a killed program
// leaves no scores without their key.
const ledgersFolder = "ledgers"

// setup identifies what the rows of a ledger are comparable with, and says what computed them.
type setup struct {
	key     Key
	made    []Made
	columns string // the first line of the scores, without the check: a ledger of an older version has none
}

// setupOf returns the setup of scores with a first line.
func setupOf(key Key, line string) setup {
	return setup{key: key, columns: strings.TrimSuffix(line, ","+indicator.CheckColumn)}
}

// chooseLedger makes the ledger of key the one in dir, and returns what has computed its rows.
func chooseLedger(dir string, key Key, repeats int) ([]Made, error) {
	ours := setupOf(key, strings.Join(indicator.ScoreColumns(repeats), ","))
	theirs, ok, err := readSetup(dir)
	if err != nil {
		return nil, err
	}
	if ok {
		differs := theirs.differs(ours)
		if differs == "" {
			return theirs.made, writeProvenance(dir, key, theirs.made)
		}
		to, err := setAside(dir, theirs)
		if err != nil {
			return nil, err
		}
		slog.Info("the scores in this folder are of another setup: they move to a folder of their own, and come back with that setup",
			"the setups differ in", differs, "moved to", to)
	}
	return takeBack(dir, ours)
}

// readSetup reads the setup of the ledger in dir; ok is false if there are no scores. Scores without a key have an empty one.
func readSetup(dir string) (s setup, ok bool, err error) {
	f, err := wholefile.Open(filepath.Join(dir, ScoresName))
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err != nil {
		return s, false, fmt.Errorf("search: ledger: %w", err)
	}
	defer f.Close()
	line, err := bufio.NewReader(f).ReadString('\n')
	if err != nil {
		return s, false, nil // not even the first line is whole
	}
	s = setupOf(nil, strings.TrimSuffix(line, "\n"))
	p, err := ReadProvenance(filepath.Join(dir, ScoresName))
	s.key, s.made = p.Key, p.Made
	return s, err == nil, err
}

// differs lists the entries in which two setups differ. An entry that an older program did not write is no difference.
func (s setup) differs(now setup) string {
	var names []string
	if s.columns != now.columns {
		names = append(names, "terms")
	}
	if s.key == nil {
		return strings.Join(append(names, "all that "+keyFile+" would say"), ", ")
	}
	for _, name := range slices.Sorted(maps.Keys(s.key)) {
		if v, ok := now.key[name]; !ok || v != s.key[name] {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// folder is the name of the folder in which the ledger of s is kept.
func (s setup) folder() (string, error) {
	text, err := json.Marshal(s.key) // the entries are sorted
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(append(text, '\n'), s.columns...))
	return filepath.Join(ledgersFolder, hex.EncodeToString(sum[:6])), nil
}

// setAside moves the ledger of dir to its own folder and returns that.
func setAside(dir string, s setup) (string, error) {
	name, err := s.folder()
	if err != nil {
		return "", fmt.Errorf("search: ledger: %w", err)
	}
	to := filepath.Join(dir, name)
	if _, err := os.Lstat(filepath.Join(to, ScoresName)); err == nil {
		return "", fmt.Errorf("search: %s: scores of the same setup are already kept in %s; move one of them away", filepath.Join(dir, ScoresName), to)
	}
	if err := os.MkdirAll(to, 0o777); err != nil {
		return "", fmt.Errorf("search: ledger: %w", err)
	}
	if s.key != nil {
		if err := writeProvenance(to, s.key, s.made); err != nil {
			return "", err
		}
	}
	if err := os.Rename(filepath.Join(dir, ScoresName), filepath.Join(to, ScoresName)); err != nil {
		return "", fmt.Errorf("search: ledger: %w", err)
	}
	return to, nil
}

// takeBack moves the ledger of s from its own folder to dir, if it is there, and returns what has computed its rows. It writes the key
// first: a killed program leaves no scores under another key.
func takeBack(dir string, s setup) ([]Made, error) {
	name, err := s.folder()
	if err != nil {
		return nil, fmt.Errorf("search: ledger: %w", err)
	}
	from := filepath.Join(dir, name)
	kept, _, err := readSetup(from)
	if err != nil {
		return nil, err
	}
	if err := writeProvenance(dir, s.key, kept.made); err != nil {
		return nil, err
	}
	err = os.Rename(filepath.Join(from, ScoresName), filepath.Join(dir, ScoresName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("search: ledger: %w", err)
	}
	slog.Info("earlier scores of this setup are used again", "taken from", from)
	os.Remove(filepath.Join(from, keyFile))
	os.Remove(from)
	os.Remove(filepath.Dir(from))
	return kept.made, nil
}

// writeProvenance writes the key of the ledger in dir and what computed its rows, as a whole file, unless they are there.
func writeProvenance(dir string, key Key, made []Made) error {
	path := filepath.Join(dir, ScoresName)
	if kept, err := ReadProvenance(path); err == nil && kept.Key != nil && maps.Equal(kept.Key, key) && slices.Equal(kept.Made, made) {
		return nil
	}
	if err := (Provenance{key, made}).Write(path); err != nil {
		return fmt.Errorf("search: ledger: %w", err)
	}
	return nil
}
