package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"bnas.example/indicator"
	"bnas.example/supernet"

	"github.com/google/go-cmp/cmp"
)

// TestScoresOnDisk: a list whose scores are in a temporary file gives back the scores of every place, and writes the file that
// the scores make. It leaves nothing behind.
func TestScoresOnDisk(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	space, err := supernet.Lookup("nas-bench-201")
	if err != nil {
		t.Fatal(err)
	}
	l := scoredList{space: space, archs: supernet.NewList(space)}
	if err := l.onDisk(1); err != nil {
		t.Fatal(err)
	}
	var want []indicator.Scores
	for i, index := range []int{3, 15000, 3, 0} { // one twice
		a := space.(supernet.Ordered).At(index)
		s := indicator.Scores{Arch: space.Format(a), Canonical: space.Canonical(a), Values: make([]float64, len(indicator.TermNames()))}
		s.Values[0] = float64(index) / 7
		want = append(want, s)
		l.archs.Append(a)
		if err := l.add(s); err != nil {
			t.Fatalf("place %d: %v", i, err)
		}
	}
	for i, s := range want {
		if got, err := l.at(i); err != nil || !cmp.Equal(got, s) {
			t.Errorf("place %d: %v, %v, want %v", i, got, err, s)
		}
	}
	var got, whole bytes.Buffer
	if err := l.write(&got, 1); err != nil {
		t.Fatal(err)
	}
	out, err := indicator.NewScoreWriter(&whole, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range want {
		if err := errors.Join(out.Write(s), out.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	if got.String() != whole.String() {
		t.Errorf("the file has\n%s, want\n%s", got.String(), whole.String())
	}
	l.close()
	if left, err := os.ReadDir(temporary); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// TestOutInMissingFolder: a file that cannot be written is an error before the architectures are scored.
func TestOutInMissingFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	code, _, stderr := line("score --channels 4 --cells 1 --height 8 --width 8 --terms params --sample 2 --out nowhere/x.csv")
	if code != exitFailure || !strings.HasSuffix(stderr, "bnas: writing nowhere/x.csv: nowhere: no such file or folder\n") || strings.Contains(stderr, "msg=score") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
