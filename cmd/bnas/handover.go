package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// gpuProgram is this program with the GPU linked in. It is a program of its own because it cannot start where there is
// no driver.
const gpuProgram = "bnas-cuda"

// gpuProgramPath is where bnas-cuda is looked for: beside this program, whatever links lead to it.
func gpuProgramPath() (string, error) {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), gpuProgram)
	_, err = os.Stat(path)
	return path, err
}

// handOver replaces this process by bnas-cuda, which stands beside it, with the same arguments. It returns only with
// an error.
func handOver() error {
	path, err := gpuProgramPath()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("this bnas computes on the CPU and there is no %s beside it (make cuda builds it)", gpuProgram)
	case err != nil:
		return err
	}
	if err := starts(path); err != nil {
		return err
	}
	if err := replaceProcess(path, append([]string{path}, os.Args[1:]...)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// starts tries whether a program that needs the driver's library can start: once this process is replaced, nothing can
// fall back to the CPU.
func starts(path string) error {
	out, err := exec.Command(path, "--version").CombinedOutput()
	if err == nil {
		return nil
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return fmt.Errorf("%s does not start: %w: %s", gpuProgram, err, first)
}
