package main

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"bnas.example/indicator"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// TestMemoryOfALargeCorrelate: correlate judges a table of as many architectures as NAS-Bench-101 has, with 26 terms, and one of a tenth
// of them. It prints the peaks of memory: BNAS_LONG=1 go test -timeout 30m -v -run MemoryOfALargeCorrelate ./cmd/bnas
func TestMemoryOfALargeCorrelate(t *testing.T) {
	const n, most = 423_624, 300_000_000
	if os.Getenv("BNAS_LONG") == "" {
		t.Skip("set BNAS_LONG=1: it takes minutes")
	}
	peak := func(n int) int64 {
		scores, table := largeTable(t, n)
		c := exec.Command("bnas", "correlate", "--space", "fairnas", "--scores", scores, "--table", table, "--resamples", "1", "--json")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	}
	few, all := peak(n/10), peak(n)
	t.Logf("%d architectures: a peak of %d MB; %d: %d MB; %d bytes an architecture", n/10, few/1e6, n, all/1e6, (all-few)/(n-n/10))
	if all > most {
		t.Errorf("a peak of %d MB, want at most %d", all/1e6, most/1_000_000)
	}
}

// largeTable writes the scores and the accuracies of n architectures.
func largeTable(t *testing.T, n int) (scores, table string) {
	t.Helper()
	space, err := supernet.Lookup("fairnas")
	if err != nil {
		t.Fatal(err)
	}
	scores, table = filepath.Join(t.TempDir(), "scores.csv"), filepath.Join(t.TempDir(), "table.csv")
	writeLarge(t, scores, func(w *bufio.Writer) error {
		out, err := indicator.NewScoreWriter(w, 1)
		for i := 0; i < n && err == nil; i++ {
			values := slices.Repeat([]float64{math.NaN()}, len(indicator.TermNames()))
			draw := philox.New(1, "large table", uint64(i))
			for k := range 26 {
				values[k] = draw.Float64()
			}
			text := space.Format(supernet.Random(space, draw))
			err = out.Write(indicator.Scores{Arch: text, Canonical: text, Values: values})
		}
		return errors.Join(err, out.Flush())
	})
	writeLarge(t, table, func(w *bufio.Writer) error {
		_, err := fmt.Fprintln(w, "arch,test_accuracy")
		for s, wrong := range indicator.EachScore(scores) {
			if err = errors.Join(err, wrong); err != nil {
				break
			}
			_, err = fmt.Fprintf(w, "%s,%.4f\n", s.Arch, 90+s.Values[0])
		}
		return err
	})
	return scores, table
}

func writeLarge(t *testing.T, path string, write func(w *bufio.Writer) error) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	if err := errors.Join(write(w), w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
}
