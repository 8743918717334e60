package search

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

// manyAtOnce is an evaluator that works ahead. It fails on some architectures.
type manyAtOnce struct {
	*fakeEvaluator
	width int
	bad   string
	begun []string // and not yet asked for
	most  int      // of begun
	wrong []string // architectures that were asked for out of turn
}

func (e *manyAtOnce) Begin(a supernet.Arch) error {
	e.begun = append(e.begun, e.space.Format(a))
	e.most = max(e.most, len(e.begun))
	return nil
}

func (e *manyAtOnce) Width() int { return e.width }

func (e *manyAtOnce) Score(a supernet.Arch) (indicator.Scores, error) {
	text := e.space.Format(a)
	if len(e.begun) == 0 || e.begun[0] != text {
		e.wrong = append(e.wrong, text)
	} else {
		e.begun = e.begun[1:]
	}
	if e.bad != "" && strings.HasPrefix(text, e.bad) {
		return indicator.Scores{}, &FailedError{text, 5, errors.New("bad")}
	}
	return e.fakeEvaluator.Score(a)
}

// TestWorkAhead: a search whose evaluator works on several architectures at a time has the result and the ledger of one that does
// not. It asks for the architectures in the order in which they began, and leaves none.
func TestWorkAhead(t *testing.T) {
	space := fakeSpace{6, 3}
	for _, strategy := range sampling() {
		for _, most := range []int{0, 17, 230} {
			t.Run(fmt.Sprint(strategy, most), func(t *testing.T) {
				c := Config{Strategy: strategy, Seed: 4, MaxEvaluations: most, Generations: 4, Population: 40, Mutants: 15, Crossovers: 15}
				search := func(dir string, e Evaluator) *Result {
					l := openTest(t, dir)
					defer l.Close()
					return mustRun(t, Problem{Space: space, Evaluator: &Recorded{space, e, l}, Objective: firstTerm(t)}, c)
				}
				one, many := t.TempDir(), t.TempDir()
				want := search(one, newFake(space, 2))
				e := &manyAtOnce{fakeEvaluator: newFake(space, 2), width: 7}
				got := search(many, e)
				if essence(got) != essence(want) || !bytes.Equal(read(t, many), read(t, one)) {
					t.Errorf("got\n%s\nwant\n%s", essence(got), essence(want))
				}
				if e.most != e.width || len(e.begun) > 0 || len(e.wrong) > 0 {
					t.Errorf("at most %d begun, want %d; left: %v; out of turn: %v", e.most, e.width, e.begun, e.wrong)
				}
			})
		}
	}
}

// TestFailedArchitectures: a search goes on without an architecture that fails, and reports it.
func TestFailedArchitectures(t *testing.T) {
	space := fakeSpace{3, 2}
	e := &manyAtOnce{fakeEvaluator: newFake(space, 2), width: 3, bad: "1-1"}
	p := Problem{Space: space, Evaluator: e, Objective: firstTerm(t)}
	r := mustRun(t, p, Config{Strategy: "exhaustive"})
	if len(r.Failed) == 0 || r.Failed[0] != (Failed{"1-1-0", 5, "bad"}) && r.Failed[0] != (Failed{"1-1-1", 5, "bad"}) {
		t.Errorf("failed: %v", r.Failed)
	}
	if r.Evaluations == 0 || r.Evaluations != len(e.calls) {
		t.Errorf("%d evaluations of %d scores", r.Evaluations, len(e.calls))
	}
	sample, err := Sample(t.Context(), space, &manyAtOnce{fakeEvaluator: newFake(space, 2), width: 3, bad: "1"}, 20, 1, nil)
	if err != nil || len(sample) == 0 || len(sample) == 20 {
		t.Errorf("a sample of %d, %v", len(sample), err)
	}
	p.Evaluator = allBad{e}
	if _, err := Run(t.Context(), p, Config{Strategy: "exhaustive"}, nil); err == nil || !strings.Contains(err.Error(), "architectures failed; the first") {
		t.Errorf("all failed: %v", err)
	}
}

// allBad fails on every architecture.
type allBad struct{ *manyAtOnce }

func (e allBad) Score(a supernet.Arch) (indicator.Scores, error) {
	return indicator.Scores{}, &FailedError{e.space.Format(a), 5, errors.New("bad")}
}
