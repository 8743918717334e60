package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"bnas.example/train/mpi"
)

// gpuProgram is this program, built with CUDA. It is a separate program because it cannot start on a machine without a
// driver.
const gpuProgram = "bnas-cuda"

// beside returns the path of another program in the folder of this one, after all links are resolved.
func beside(program string) (string, error) {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), program)
	_, err = os.Stat(path)
	return path, err
}

// handOver replaces this process by the program with CUDA, with the same arguments. It returns only if this fails.
func handOver() error {
	if mpi.Built {
		return replaceBy(mpiGPUProgram, "make mpi-cuda builds it", "this bnas computes on the CPU")
	}
	return replaceBy(gpuProgram, "make cuda builds it", "this bnas computes on the CPU")
}

// replaceBy replaces this process by a program beside it, with the same arguments. It returns only if this fails. why says what
// needs the program.
func replaceBy(program, remedy, why string) error {
	path, err := beside(program)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s and there is no %s beside it (%s)", why, program, remedy)
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

// starts returns an error if a program that needs a library cannot start. This is tested first, because a replaced process cannot
// fall back to the CPU.
func starts(path string) error {
	out, err := exec.Command(path, "--version").CombinedOutput()
	if err == nil {
		return nil
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return fmt.Errorf("%s does not start: %w: %s", filepath.Base(path), err, first)
}
