package search

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"bnas.example/indicator"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// writeLedger writes the ledger of testKey with the scores of n different networks of a space, in its order. The terms are
// random.
func writeLedger(t testing.TB, dir string, space fakeSpace, n int) {
	t.Helper()
	openTest(t, dir).Close() // writes the key
	file, err := os.Create(filepath.Join(dir, ScoresName))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	out, err := indicator.NewScoreWriter(file, 1)
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float64, len(indicator.TermNames()))
	written := supernet.NewSet(space, space.Canonical)
	for i := 0; written.Len() < n; i++ {
		a := space.At(i)
		if !written.Add(a) {
			continue
		}
		r := philox.New(1, "row", uint64(i))
		for k := range values {
			values[k] = r.Float64()
		}
		if err := out.Write(indicator.Scores{Arch: space.Format(a), Canonical: space.Canonical(a), Values: values}); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
}

// manyTerms is the objective of the composite bnas, calibrated on random terms.
func manyTerms(t testing.TB) Objective {
	t.Helper()
	composite, err := indicator.LookupComposite("bnas")
	if err != nil {
		t.Fatal(err)
	}
	sample := make([]indicator.Scores, 64)
	for i := range sample {
		r := philox.New(2, "row", uint64(i))
		sample[i].Values = make([]float64, len(indicator.TermNames()))
		for k := range sample[i].Values {
			sample[i].Values[k] = r.Float64()
		}
	}
	calibration, err := indicator.NewCalibration(sample)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Fused(composite, calibration)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// unasked is an evaluator for ledgers that have every score.
func unasked(t testing.TB) Evaluator {
	return evaluatorFunc(func(a supernet.Arch) (indicator.Scores, error) {
		t.Errorf("%v is not in the ledger", a)
		return indicator.Scores{}, nil
	})
}

// TestSearchIsSmall: ledger and search together keep at most 80 bytes of an architecture, whatever its text and its terms are.
func TestSearchIsSmall(t *testing.T) {
	const n, most = 50_000, 80
	space, dir := fakeSpace{11, 3}, t.TempDir()
	writeLedger(t, dir, space, n)
	p := Problem{Space: space, Objective: manyTerms(t)}
	before := liveHeap()
	l := openTest(t, dir)
	defer l.Close()
	p.Evaluator = &Recorded{space, unasked(t), l}
	s := newSearcher(t.Context(), p, Config{Strategy: "exhaustive", MaxEvaluations: n}.WithDefaults())
	if err := s.run(nil); err != nil || s.found.len() != n || s.reused != n {
		t.Fatalf("%d found, %d reused, %v", s.found.len(), s.reused, err)
	}
	if each := float64(liveHeap()-before) / n; each > most {
		t.Errorf("%.1f bytes for each of %d architectures, want at most %d", each, n, most)
	} else {
		t.Logf("%.1f bytes an architecture", each)
	}
	runtime.KeepAlive(s)
}

func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
