//go:build unix

package main

import (
	"os"
	"syscall"
)

func replaceProcess(path string, args []string) error { return syscall.Exec(path, args, os.Environ()) }
