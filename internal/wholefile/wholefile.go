// Package wholefile writes files atomically: a file has its old content or all of its new content.
package wholefile

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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
// sees the old content or the new content, never a part, even after a crash. After an error no file is left behind. The
// umask decides the mode of the file, as it does for os.Create.
func WriteFrom(path string, write func(io.Writer) error) error {
	temporary := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%x", filepath.Base(path), rand.Uint64()))
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err = write(f); err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		os.Remove(temporary)
	}
	return err
}
