//go:build !unix

package main

import "errors"

func replaceProcess(path string, _ []string) error {
	return errors.New("start it by itself: a process cannot be replaced on this system")
}
