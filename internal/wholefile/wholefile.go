// Package wholefile writes files atomically: a file has its old content or all of its new content.
package wholefile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Temporary files are named prefix, a random number, suffix.
const (
	prefix = ".bnas-"
	suffix = ".tmp"
)

// maxLinks is the length of a chain of symbolic links at which Write ends with an error, as the kernel does.
const maxLinks = 40

// Write writes content to path.
func Write(path string, content []byte) error {
	return WriteFrom(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// WriteJSON writes v to path as JSON for readers: indented by two spaces, with a newline at the end.
func WriteJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return Write(path, append(text, '\n'))
}

// WriteFrom writes the output of write to path. It writes to a file in the same folder, syncs it and renames it. A reader
// sees the old content or the new content, never a part, even after a crash. After an error no file is left behind.
//
// A symbolic link stays: the file that it points to is written. A pipe or a device stays: it gets the output. A new file has
// the mode that the umask decides, as with os.Create; a file that was there keeps its mode, if the file system allows it.
func WriteFrom(path string, write func(io.Writer) error) error {
	if IsStream(path) { // before its links: that of /dev/stdout names a pipe that has no path
		return stream(path, write)
	}
	path, err := target(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return replace(path, 0, write)
	case err != nil:
		return err
	case info.IsDir():
		return &fs.PathError{Op: "write", Path: path, Err: errors.New("is a folder")}
	}
	return replace(path, info.Mode().Perm(), write)
}

// IsStream reports whether a path leads to a pipe, a terminal or a device.
func IsStream(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// errChecked ends the write of a Check.
var errChecked = errors.New("nothing is written")

// Check returns the error that a Write to path would have before it writes: the folder is missing, or refuses a new file. It leaves path
// and its folder as they are. A pipe or a device is not opened.
func Check(path string) error {
	if IsStream(path) {
		return nil
	}
	err := WriteFrom(path, func(io.Writer) error { return errChecked })
	if errors.Is(err, errChecked) {
		return nil
	}
	return err
}

// target follows the symbolic links at path. The file at the end need not be there.
func target(path string) (string, error) {
	for range maxLinks {
		next, err := os.Readlink(path)
		if err != nil {
			return path, nil // no link
		}
		if !filepath.IsAbs(next) {
			next = filepath.Join(filepath.Dir(path), next)
		}
		path = next
	}
	return "", &fs.PathError{Op: "write", Path: path, Err: errors.New("too many symbolic links")}
}

// stream writes into a file that cannot be replaced: a pipe, a terminal, a device.
func stream(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// replace writes a regular file. mode is that of the file that was there, or 0. An error names this file, or
// its folder if that is missing, and not the temporary file.
func replace(path string, mode fs.FileMode, write func(io.Writer) error) (err error) {
	temporary := filepath.Join(filepath.Dir(path), fmt.Sprintf("%s%x%s", prefix, rand.Uint64(), suffix))
	defer func() {
		var of *fs.PathError
		if errors.As(err, &of) && of.Path == temporary {
			of.Path = path
			if of.Op == "open" && errors.Is(err, fs.ErrNotExist) {
				of.Path = filepath.Dir(path)
			}
		}
	}()
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if mode != 0 {
		_ = f.Chmod(mode) // some file systems have no modes
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
		return err
	}
	return nil
}

// Clean removes the temporary files that a killed process left in dir. No other process may be writing there.
func Clean(dir string) error {
	names, err := Temporaries(dir)
	for _, name := range names {
		err = errors.Join(err, os.Remove(filepath.Join(dir, name)))
	}
	return err
}

// Temporaries returns the names of the temporary files in dir.
func Temporaries(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && strings.HasSuffix(e.Name(), suffix) {
			names = append(names, e.Name())
		}
	}
	return names, err
}
