package data

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// ahead is the largest number of batches that a Stream prepares in advance.
const ahead = 4

// Stream makes the batches of a Loader in the background, a few in advance. Only one goroutine may call Next and Close.
type Stream struct {
	ctx    context.Context
	cancel context.CancelFunc
	queue  chan chan result // one entry a step, in order; each is filled when its batch is made
	work   sync.WaitGroup
	err    error
}

type result struct {
	batch Batch
	err   error
}

// Stream starts to make the batches of the steps from, from+1, … It stops when ctx ends or Close is called.
func (l *Loader) Stream(ctx context.Context, from int) *Stream { return stream(ctx, from, l.At) }

// StreamPixels is Stream with the batches of PixelsAt.
func (l *Loader) StreamPixels(ctx context.Context, from int) *Stream {
	return stream(ctx, from, l.PixelsAt)
}

func stream(ctx context.Context, from int, at func(step int) (Batch, error)) *Stream {
	ctx, cancel := context.WithCancel(ctx)
	s := &Stream{ctx: ctx, cancel: cancel, queue: make(chan chan result, ahead)}
	slots := make(chan struct{}, min(ahead, runtime.GOMAXPROCS(0)))
	s.work.Go(func() {
		for step := from; ; step++ {
			made := make(chan result, 1)
			select {
			case s.queue <- made:
			case <-ctx.Done():
				return
			}
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			s.work.Go(func() {
				batch, err := at(step)
				made <- result{batch, err}
				<-slots
			})
		}
	})
	return s
}

// Next returns the batch of step from, then that of from+1, and so on. If a step fails, Next returns its error at that step and at every
// later call. After the end of the context it returns the error of the context.
func (s *Stream) Next() (Batch, error) {
	if s.err != nil {
		return Batch{}, s.err
	}
	r := s.wait()
	if r.err != nil {
		s.err = r.err
		s.cancel()
	}
	return r.batch, r.err
}

func (s *Stream) wait() result {
	ended := func() result { return result{err: context.Cause(s.ctx)} }
	if s.ctx.Err() != nil {
		return ended()
	}
	select {
	case made := <-s.queue:
		select {
		case r := <-made:
			return r
		case <-s.ctx.Done():
			return ended()
		}
	case <-s.ctx.Done():
		return ended()
	}
}

// Close stops the background work and waits for its end.
func (s *Stream) Close() {
	s.cancel()
	s.work.Wait()
	if s.err == nil {
		s.err = errors.New("data: the stream is closed")
	}
}
