package search

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ledgerVariable names the folder of the ledger that the process of TestMemoryOfALargeLedger opens.
const ledgerVariable = "BNAS_TEST_LEDGER"

// TestMemoryOfALargeLedger: a ledger of as many architectures as NAS-Bench-101 has is opened, and searched exhaustively, in
// processes of at most 120 MB. It prints their peaks and times: BNAS_LONG=1 go test -v -run MemoryOfALargeLedger ./search
func TestMemoryOfALargeLedger(t *testing.T) {
	const n, most = 423_624, 120 << 20
	space := fakeSpace{13, 3}
	if dir := os.Getenv(ledgerVariable); dir != "" {
		openLarge(t, dir, space, n)
		return
	}
	if os.Getenv("BNAS_LONG") == "" {
		t.Skip("set BNAS_LONG=1: it takes half a minute")
	}
	dir := t.TempDir()
	writeLedger(t, dir, space, n)
	for _, what := range []string{"open", "search"} {
		c := exec.Command(os.Args[0], "-test.run", "^TestMemoryOfALargeLedger$", "-test.v")
		c.Env = append(os.Environ(), ledgerVariable+"="+dir, "BNAS_TEST_WHAT="+what)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", what, err, out)
		}
		peak := c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
		for line := range strings.Lines(string(out)) {
			if strings.HasPrefix(line, what) {
				t.Logf("%s; peak %d MB", strings.TrimSpace(line), peak>>20)
			}
		}
		if peak > most {
			t.Errorf("%s: a peak of %d MB, want at most %d", what, peak>>20, most>>20)
		}
	}
}

// openLarge opens the ledger in dir, and searches it if the environment says so.
func openLarge(t *testing.T, dir string, space fakeSpace, n int) {
	start := time.Now()
	l := openTest(t, dir)
	defer l.Close()
	opened := time.Since(start)
	if os.Getenv("BNAS_TEST_WHAT") == "open" {
		fmt.Printf("open: %d architectures in %.1f s\n", l.Len(), opened.Seconds())
		return
	}
	p := Problem{Space: space, Evaluator: &Recorded{space, unasked(t), l}, Objective: manyTerms(t)}
	r := mustRun(t, p, Config{Strategy: "exhaustive", MaxEvaluations: n})
	if r.Reused != n {
		t.Errorf("%d scores are from the ledger, want %d", r.Reused, n)
	}
	fmt.Printf("search: opened in %.1f s, searched in %.1f s\n", opened.Seconds(), r.Seconds)
}
