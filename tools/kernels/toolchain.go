package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// toolchain is the compiler: NVRTC, which is loaded, and assemblers.
type toolchain struct {
	nvrtc string // version
	ptxas assembler
	newer assembler // for the architectures that ptxas does not know
}

// assembler is a ptxas.
type assembler struct{ path, version string }

// firstNewer is the first architecture that needs the newer assembler. The pinned one is of CUDA 12.6; that of 12.9 spills
// registers on older architectures where it does not.
const firstNewer = 100

// openToolchain finds or fetches what architectures are compiled with, and loads NVRTC.
func openToolchain(archs []string) (*toolchain, error) {
	home, err := find()
	if err != nil {
		return nil, err
	}
	t := &toolchain{}
	if t.nvrtc, err = loadNVRTC(
		filepath.Join(home, "lib64", "libnvrtc.so.12"),
		filepath.Join(home, "lib64", "libnvrtc.so"),
	); err != nil {
		return nil, err
	}
	if t.ptxas, err = openAssembler(home); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(archs, isNewer) {
		return t, nil
	}
	if home, err = find("blackwell"); err != nil {
		return nil, err
	}
	t.newer, err = openAssembler(home)
	return t, err
}

// find runs scripts/cuda-toolchain.sh, which prints a folder laid out like a CUDA toolkit.
func find(part ...string) (home string, err error) {
	script := exec.Command("scripts/cuda-toolchain.sh", part...)
	script.Stderr = os.Stderr
	out, err := script.Output()
	if err != nil {
		return "", errors.New("no CUDA compiler")
	}
	return strings.TrimSpace(string(out)), nil
}

func openAssembler(home string) (assembler, error) {
	a := assembler{path: filepath.Join(home, "bin", "ptxas")}
	report, err := exec.Command(a.path, "--version").Output()
	if err != nil {
		return a, fmt.Errorf("%s --version: %w", a.path, err)
	}
	// "Cuda compilation tools, release 12.6, V12.6.85"
	_, version, found := strings.Cut(string(report), ", V")
	if !found {
		return a, fmt.Errorf("%s --version names no version: %q", a.path, report)
	}
	a.version, _, _ = strings.Cut(version, "\n")
	return a, nil
}

// isNewer reports whether an architecture needs the newer assembler.
func isNewer(arch string) bool { return number(arch) >= firstNewer }

// ptxasOf returns the assembler for an architecture.
func (t *toolchain) ptxasOf(arch string) assembler {
	if isNewer(arch) {
		return t.newer
	}
	return t.ptxas
}

// version names the compiler and the assemblers.
func (t *toolchain) version() string {
	text := fmt.Sprintf("NVRTC %s, ptxas %s", t.nvrtc, t.ptxas.version)
	if t.newer.version != "" && t.newer.version != t.ptxas.version {
		text += fmt.Sprintf(", ptxas %s from sm_%d on", t.newer.version, firstNewer)
	}
	return text
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
	said, err := exec.Command(t.ptxasOf(arch).path, "-v", "-O3", "-arch=sm_"+arch, "-o", out, in).CombinedOutput()
	report = strings.ReplaceAll(string(said), in, "kernel.ptx")
	if strings.Contains(report, "'sm_"+arch+"' is not defined") {
		return nil, "", fmt.Errorf("ptxas %s does not know sm_%s: unset CUDA_HOME, or give a newer toolkit of CUDA 12", t.ptxasOf(arch).version, arch)
	}
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
