package wholefile

import (
	"io/fs"
	"os"
)

// OpenGrowing opens a file to read what it has and to write behind it, or makes one. It is an error if the path has something that is
// no file: a device has no end to write behind.
func OpenGrowing(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errNoFile}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
