package search

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

// Ahead is an Evaluator that works on several architectures at a time. It is told which ones will be asked for: Begin returns at
// once, and Score waits for the scores. The order of the calls of Score, and so every result and every row of a ledger, is that
// of an Evaluator that scores one after the other.
type Ahead interface {
	Evaluator
	// Begin begins to score an architecture, unless that has begun.
	Begin(a supernet.Arch) error
	// Width is how many architectures may have begun before the first of them is waited for; at least 1.
	Width() int
}

// Bounded is an Evaluator that waits for others to score.
type Bounded interface {
	// Bound makes Score end with ErrAbandoned from a time on, if nobody is there who scores.
	Bound(until time.Time)
}

// ErrAbandoned is wrapped by the error of an Evaluator whose bound has passed while nobody was there who scores.
var ErrAbandoned = errors.New("no worker is there, and the time of --budget is over")

// Bound bounds the time for which an evaluator waits, if it is one that waits.
func Bound(e Evaluator, until time.Time) {
	if b, ok := e.(Bounded); ok {
		b.Bound(until)
	}
}

// FailedError means that an architecture could not be scored in several tries, in several processes. A search goes on without it.
type FailedError struct {
	Arch  string
	Tries int
	Err   error // of the last try
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("%s failed in %d tries: %v", e.Arch, e.Tries, e.Err)
}

func (e *FailedError) Unwrap() error { return e.Err }

// Failed is an architecture of a search that could not be scored.
type Failed struct {
	Arch  string `json:"arch"`
	Tries int    `json:"tries"`
	Error string `json:"error"`
}

// width is the number of architectures that e may begin before the first is waited for.
func width(e Evaluator) int {
	if ahead, ok := e.(Ahead); ok {
		return ahead.Width()
	}
	return 1
}

// begin begins to score a if e works ahead.
func begin(e Evaluator, a supernet.Arch) error {
	if ahead, ok := e.(Ahead); ok {
		return ahead.Begin(a)
	}
	return nil
}

// InOrder scores the n architectures of at and calls each with the scores of one after the other, in order. An evaluator that
// works ahead has several of them in work. An architecture that failed goes to failed and not to each. InOrder ends when the
// context does, with its error, and at the first error of each.
func InOrder(ctx context.Context, e Evaluator, n int, at func(i int) supernet.Arch, each func(i int, s indicator.Scores) error, failed func(*FailedError)) error {
	begun := 0
	for i := range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		for ; begun < min(n, i+width(e)); begun++ {
			if err := begin(e, at(begun)); err != nil {
				return err
			}
		}
		s, err := e.Score(at(i))
		if one := (*FailedError)(nil); errors.As(err, &one) {
			failed(one)
			continue
		}
		if err == nil {
			err = each(i, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Begin begins to score a if the ledger lacks it and the evaluator works ahead.
func (r *Recorded) Begin(a supernet.Arch) error {
	ahead, ok := r.Evaluator.(Ahead)
	if !ok {
		return nil
	}
	if _, known, err := r.Ledger.Lookup(r.Space.Format(a)); known || err != nil {
		return err
	}
	return ahead.Begin(a)
}

// Bound bounds the evaluator.
func (r *Recorded) Bound(until time.Time) { Bound(r.Evaluator, until) }

// Width is that of the evaluator.
func (r *Recorded) Width() int { return width(r.Evaluator) }
