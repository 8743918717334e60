package main

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bnas.example/kernels/cpu"
)

// ranked are the lines of a ranking: score, MACs, parameters, architecture.
var ranked = regexp.MustCompile(`(?m)^ *(-\d\.\d{3} .*\|)$`)

// The first command of the README ranks the networks as the README prints them. Another instruction set rounds otherwise.
func TestRankingOfReadme(t *testing.T) {
	if !longTests {
		t.Skip("set BNAS_LONG to run it")
	}
	if isa, _ := cpu.Available(); isa != "avx512" {
		t.Skipf("the README has the digits of avx512, and this processor has %q", isa)
	}
	var stdout, stderr bytes.Buffer
	if code := execute([]string{"bnas", "run", "--out", filepath.Join(t.TempDir(), "first"), "--device", "cpu"}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	want := ranked.FindAllStringSubmatch(readPage(t, "../../README.md"), -1)
	if len(want) < 3 {
		t.Fatalf("the README has %d networks", len(want))
	}
	for _, line := range want {
		if !strings.Contains(stdout.String(), line[1]) {
			t.Errorf("the ranking has no line %q:\n%s", line[1], &stdout)
		}
	}
}
