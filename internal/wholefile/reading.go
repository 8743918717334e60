package wholefile

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// Open opens a file to read it. It refuses a pipe or a device.
func Open(path string) (*os.File, error) {
	if err := RefuseStream(path); err != nil {
		return nil, err
	}
	return os.Open(path)
}

// RefuseStream returns an error if a path leads to a pipe or a device: who opens a pipe waits until somebody writes into it, maybe for
// ever.
func RefuseStream(path string) error {
	if !IsStream(path) {
		return nil
	}
	return &fs.PathError{Op: "open", Path: path, Err: errNoFile}
}

// Read reads a file that Open opens.
func Read(path string) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// errNoFile is the error of a path that leads to a pipe or a device.
var errNoFile = errors.New("is no file; move it away")
