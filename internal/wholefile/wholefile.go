// Package wholefile writes files atomically: a file has its old content or all of its new content.
package wholefile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Write writes content to path.
func Write(path string, content []byte) error {
	return WriteFrom(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// WriteFrom writes the output of write to path. It writes to a file in the same folder, syncs it and renames it. A reader
// sees the old content or the new content, never a part, even after a crash. After an error no file is left behind.
func WriteFrom(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	if err = write(f); err == nil {
		err = errors.Join(f.Chmod(0o644), f.Sync())
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
