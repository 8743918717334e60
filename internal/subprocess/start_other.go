//go:build !linux

package subprocess

import "os/exec"

func start(c *exec.Cmd) error { return c.Start() }
