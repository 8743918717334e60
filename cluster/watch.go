package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// retry is the time between two tries of a request that had no answer.
const retry = 250 * time.Millisecond

// steady repeats a request while it has no answer, for as long as patience, and once after it.
func steady(ctx context.Context, patience time.Duration, request func(context.Context) error) error {
	for began := time.Now(); ; {
		last := time.Since(began) > patience // this process may have been stopped meanwhile: it tries once more
		one, cancel := context.WithTimeout(ctx, answer)
		err := request(one)
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !passing(err):
			return err
		}
		if last {
			return fmt.Errorf("no answer for %v: %w", patience, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
	}
}

// passing reports whether an error can pass by itself: a server has ended and another takes its place, or the network is cut off.
func passing(err error) bool {
	for _, one := range []error{
		nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrReconnectBufExceeded, context.DeadlineExceeded, errAbsent,
		jetstream.ErrNoStreamResponse, jetstream.ErrConsumerLeadershipChanged, jetstream.ErrServerShutdown, jetstream.ErrNoHeartbeat,
	} {
		if errors.Is(err, one) {
			return true
		}
	}
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.Code == 503 || api.ErrorCode == notLeader)
}

// notLeader is the error of a server that was the leader of a stream a moment ago.
const notLeader jetstream.ErrorCode = 10009

// watch looks after the queue until the context ends. A message may be given up while nobody hears the server say so: its task is put
// into the queue again. If the server has lost the queue, Score ends.
func (c *Coordinator) watch(ctx context.Context) {
	t := time.NewTicker(c.lease)
	defer t.Stop()
	suspects := map[*task]bool{} // that seemed lost the last time
	k := &caretaker{Coordinator: c, put: time.Now()}
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		lost, err := c.lost(ctx)
		for t := range lost {
			if err == nil && suspects[t] {
				delete(lost, t)
				err = c.enqueue(ctx, t)
			}
		}
		switch {
		case ctx.Err() != nil:
			return
		case gone(err):
			c.breakOff(errors.New("the NATS server has lost the queue of architectures: it was started anew, or somebody has removed it; what is scored is kept"))
			return
		case err != nil:
			c.breakOff(fmt.Errorf("the NATS server: %w; what is scored is kept", err))
			return
		}
		suspects = lost
		if c.link.shared {
			k.look(ctx, time.Now())
		}
	}
}

// lost returns the tasks that have not ended though the queue has nothing. The scores of an architecture come before its message is
// taken from the queue.
func (c *Coordinator) lost(ctx context.Context) (map[*task]bool, error) {
	open := map[*task]bool{}
	c.mu.Lock()
	for _, t := range c.queued {
		if !t.ended {
			open[t] = true
		}
	}
	c.mu.Unlock()
	for _, queue := range c.queues {
		var state *jetstream.ConsumerInfo
		err := steady(ctx, Outage, func(ctx context.Context) (err error) {
			state, err = queue.Info(ctx)
			return err
		})
		if err != nil || state.NumPending > 0 || state.NumAckPending > 0 {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(open, func(t *task, _ bool) bool { return t.ended })
	return open, nil
}
