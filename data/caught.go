package data

import (
	"fmt"
	"strings"
)

// caught runs f and turns a panic into an error. A decoder that a damaged file breaks, or a Set of another package, runs in
// goroutines of this package: a panic there would end the process.
func caught(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the reader of this image failed: %v", p)
		}
	}()
	return f()
}

// readImage is s.Read. The error of a panic in it names the set and the image.
func readImage(s Set, dst []byte, i int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("data: %s: image %d: its reader failed: %v", s.Name(), i, p)
		}
	}()
	return s.Read(dst, i)
}

// named adds the name of a set to an error, unless the error has it from the set's Read.
func named(set string, err error) error {
	if prefix := "data: " + set + ": "; !strings.HasPrefix(err.Error(), prefix) {
		return fmt.Errorf("%s%w", prefix, err)
	}
	return err
}
