package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// toolchain is where the compiler is: a folder laid out like a CUDA toolkit.
type toolchain struct {
	ptxas   string
	version string // of NVRTC and ptxas
}

// openToolchain finds or fetches the compiler and loads it.
func openToolchain() (*toolchain, error) {
	find := exec.Command("scripts/cuda-toolchain.sh")
	find.Stderr = os.Stderr
	out, err := find.Output()
	if err != nil {
		return nil, errors.New("no CUDA compiler")
	}
	home := strings.TrimSpace(string(out))
	nvrtc, err := loadNVRTC(
		filepath.Join(home, "lib64", "libnvrtc.so.12"),
		filepath.Join(home, "lib64", "libnvrtc.so"),
	)
	if err != nil {
		return nil, err
	}
	t := &toolchain{ptxas: filepath.Join(home, "bin", "ptxas")}
	report, err := exec.Command(t.ptxas, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", t.ptxas, err)
	}
	// "Cuda compilation tools, release 12.6, V12.6.85"
	_, ptxas, found := strings.Cut(string(report), ", V")
	if !found {
		return nil, fmt.Errorf("%s --version names no version: %q", t.ptxas, report)
	}
	ptxas, _, _ = strings.Cut(ptxas, "\n")
	t.version = fmt.Sprintf("NVRTC %s, ptxas %s", nvrtc, ptxas)
	return t, nil
}

// assemble turns PTX into a cubin and returns what ptxas reports: registers, shared memory, spills. A warning is an error.
func (t *toolchain) assemble(ptx []byte, arch string) (cubin []byte, report string, err error) {
	dir, err := os.MkdirTemp("", "kernels")
	if err != nil {
		return nil, "", err
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "kernel.ptx"), filepath.Join(dir, "kernel.cubin")
	if err := os.WriteFile(in, ptx, 0o666); err != nil {
		return nil, "", err
	}
	said, err := exec.Command(t.ptxas, "-v", "--warn-on-spills", "-O3", "-arch=sm_"+arch, "-o", out, in).CombinedOutput()
	report = strings.ReplaceAll(string(said), in, "kernel.ptx")
	if err != nil {
		return nil, "", fmt.Errorf("ptxas: %w\n%s", err, report)
	}
	if warned := linesWithout(report, "ptxas info", "    "); warned != "" {
		return nil, "", fmt.Errorf("ptxas warns:\n%s", warned)
	}
	cubin, err = os.ReadFile(out)
	return cubin, report, err
}

// linesWithout leaves out empty lines and those that begin with one of the prefixes.
func linesWithout(text string, prefixes ...string) string {
	var kept []string
lines:
	for line := range strings.Lines(text) {
		for _, p := range prefixes {
			if strings.HasPrefix(line, p) || strings.TrimSpace(line) == "" {
				continue lines
			}
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "")
}
