package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// fakePython stands for pip and the unpacking of wheels. It needs the variable FETCH to fetch.
const fakePython = `#!/usr/bin/env bash
set -e
case "$*" in
  "-m pip --version"*) ;;
  "-m pip download"*)
    [ -n "$FETCH" ]
    while [ "$1" != --dest ]; do shift; done
    mkdir -p "$2" && : >"$2/one.whl" ;;
  "-m zipfile -e"*)
    mkdir -p "$5/nvidia/cuda_runtime/include" "$5/nvidia/cuda_nvrtc/lib" "$5/nvidia/cuda_nvcc/bin"
    : >"$5/nvidia/cuda_nvrtc/lib/libnvrtc.so.12" && : >"$5/nvidia/cuda_nvcc/bin/ptxas" ;;
  *) exit 9 ;;
esac
`

// The folder that BNAS_CUDA_CACHE names has the toolkits, each in a folder of its own, and keeps what else is in it.
func TestToolchainCache(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the wheels are for Linux")
	}
	bin, cache := t.TempDir(), filepath.Join(t.TempDir(), "a folder")
	kept := filepath.Join(cache, "kept")
	for path, text := range map[string]string{filepath.Join(bin, "python3"): fakePython, kept: "of the user"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	find := func(fetch string, part ...string) string {
		t.Helper()
		script := exec.Command("../../scripts/cuda-toolchain.sh", part...)
		script.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "BNAS_CUDA_CACHE="+cache, "CUDA_HOME=", "FETCH="+fetch)
		out, err := script.Output()
		if err != nil {
			t.Fatalf("%v: %v", part, err)
		}
		home := strings.TrimSpace(string(out))
		if _, err := os.Stat(filepath.Join(home, "bin", "ptxas")); err != nil {
			t.Error(err)
		}
		return home
	}
	first, second := find("1"), find("1", "blackwell")
	if first == second || filepath.Dir(first) != cache || filepath.Dir(second) != cache {
		t.Errorf("the toolkits are in %s and %s, not in folders of %s", first, second, cache)
	}
	if again := find(""); again != first {
		t.Errorf("the second time it is %s, not %s", again, first)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != "of the user" {
		t.Errorf("what was in the folder: %q, %v", text, err)
	}
}
