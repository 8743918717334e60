package data

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// failing is a set with one damaged image.
type failing struct {
	Set
	damaged int
}

func (f failing) Read(dst []byte, i int) error {
	if i == f.damaged {
		return fmt.Errorf("image %d is damaged", i)
	}
	return f.Set.Read(dst, i)
}

// counting is a set that counts how many images are read.
type counting struct {
	Set
	reads *atomic.Int64
}

func (c counting) Read(dst []byte, i int) error {
	c.reads.Add(1)
	return c.Set.Read(dst, i)
}

func newLoader(t *testing.T, s Set) *Loader {
	t.Helper()
	l, err := NewLoader(s, nil, 4, Augment{PadCrop: 1, Flip: true}, 9)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// The tests below run in a synctest bubble, which fails if a goroutine still runs at its end.

func TestStreamOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoader(t, synthetic(21, 3, 3))
		s := l.Stream(t.Context(), 3)
		for step := 3; step < 60; step++ {
			b, err := s.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !equal(b, at(t, l, step)) {
				t.Fatalf("batch %d is not that of the step", step)
			}
		}
		s.Close()
		if _, err := s.Next(); err == nil {
			t.Error("a closed stream gives batches")
		}
	})
}

func TestStreamIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int64
		s := newLoader(t, counting{synthetic(21, 3, 3), &reads}).Stream(t.Context(), 0)
		for taken := range 5 {
			synctest.Wait()
			if got, want := reads.Load(), int64(4*(taken+ahead)); got != want {
				t.Errorf("after %d batches %d images are read, want %d", taken, got, want)
			}
			if _, err := s.Next(); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
	})
}

func TestStreamError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := synthetic(21, 3, 3)
		l := newLoader(t, failing{good, 6})
		bad := 0
		for ; ; bad++ {
			if _, err := l.At(bad); err != nil {
				break
			}
		}
		s := l.Stream(t.Context(), 0)
		for range bad {
			if _, err := s.Next(); err != nil {
				t.Fatalf("the error of step %d comes early: %v", bad, err)
			}
		}
		for range 3 {
			_, err := s.Next()
			wantError(t, err, "image 6 is damaged")
		}
		synctest.Wait() // the goroutines end without Close too
	})
}

func TestStreamContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("interrupted")
		s := newLoader(t, synthetic(21, 3, 3)).Stream(ctx, 0)
		if _, err := s.Next(); err != nil {
			t.Fatal(err)
		}
		cancel(cause)
		for range 2 {
			if _, err := s.Next(); !errors.Is(err, cause) {
				t.Errorf("the error is %v, want %v", err, cause)
			}
		}
	})
}
