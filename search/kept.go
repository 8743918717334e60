package search

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ReadKey reads the key of the ledger in dir, without opening the ledger. It is nil if the folder has none.
func ReadKey(dir string) (key Key, err error) {
	p, err := ReadProvenance(filepath.Join(dir, ScoresName))
	return p.Key, err
}

// Kept returns the folders with the ledgers of other setups that are kept in dir, sorted by name.
func Kept(dir string) (folders []string, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, ledgersFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("search: ledgers: %w", err)
	}
	for _, e := range entries {
		folder := filepath.Join(dir, ledgersFolder, e.Name())
		if _, err := os.Stat(filepath.Join(folder, ScoresName)); err == nil {
			folders = append(folders, folder)
		}
	}
	return folders, nil
}
