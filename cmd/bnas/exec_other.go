//go:build !unix

package main

import (
	"errors"
	"os"
	"os/exec"
)

func replaceProcess(path string, _ []string) error {
	return errors.New("start it by itself: a process cannot be replaced on this system")
}

// ownGroup does nothing: the process gets the signals of the terminal.
func ownGroup(*exec.Cmd) {}

// timeSignals say that the time of a job is nearly over: no signal does on this system.
var timeSignals []os.Signal
