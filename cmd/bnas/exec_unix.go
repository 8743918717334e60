//go:build unix

package main

import (
	"os"
	"os/exec"
	"syscall"
)

func replaceProcess(path string, args []string) error { return syscall.Exec(path, args, os.Environ()) }

// ownGroup keeps the signals of the terminal from a process: its parent ends it.
func ownGroup(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// timeSignals say that the time of a job is nearly over: those of Slurm, Grid Engine and LSF, and that of a soft limit of processor time.
var timeSignals = []os.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGXCPU}
