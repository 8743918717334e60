//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStarts(t *testing.T) {
	program := func(script string) string {
		path := filepath.Join(t.TempDir(), gpuProgram)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o777); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if err := starts(program("test \"$1\" = --version")); err != nil {
		t.Error(err)
	}
	err := starts(program("echo 'libcuda.so.1: cannot open' >&2; echo more >&2; exit 127"))
	if err == nil || !strings.Contains(err.Error(), "libcuda.so.1: cannot open") || strings.Contains(err.Error(), "more") {
		t.Errorf("error %v, must say in one line why it does not start", err)
	}
	if err := starts(filepath.Join(t.TempDir(), gpuProgram)); err == nil {
		t.Error("a program that is not there starts")
	}
}
