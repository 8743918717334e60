package wholefile

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// Open opens a file to read it. A pipe or a device is an error: who opens a pipe waits until somebody writes into it, maybe for ever.
func Open(path string) (*os.File, error) {
	if IsStream(path) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errNoFile}
	}
	return os.Open(path)
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
