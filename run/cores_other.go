//go:build !linux

package run

// launcherCores is known on Linux alone.
func launcherCores() int { return 0 }
