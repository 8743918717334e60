package hardware

import (
	"os"
	"runtime"
)

var cores = min(runtime.NumCPU(), runtime.GOMAXPROCS(0))

// Cores returns how many cores this process may use: those of the machine that it is bound to, or fewer by the quota of its container or
// by GOMAXPROCS.
func Cores() int { return cores }

// Quota reports whether the quota of a container leaves fewer cores than the process is bound to.
func Quota() bool { return cores < runtime.NumCPU() && os.Getenv("GOMAXPROCS") == "" }
