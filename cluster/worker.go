package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"bnas.example/indicator"
	"bnas.example/run"
	"bnas.example/supernet"
)

// RefusedError means that a worker may not work for a coordinator.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return "no work for this worker: " + e.Why }

// WorkOptions are those of a worker.
type WorkOptions struct {
	Version string
	Machine run.Machine
	Log     *slog.Logger // nil: no lines
	Session string       // work for this one alone, that of Tether; "": for any
	// Patience is how long Work with once waits for a coordinator that has gone without a word, and how long Work on a shared server looks
	// for a coordinator that takes the worker while others refuse it; 0: Outage.
	Patience time.Duration
	Run      run.Options
}

// worker is one process that scores.
type worker struct {
	identity
	WorkOptions
	link    *Link
	joined  bool                      // the last coordinator took it
	refused map[session]*RefusedError // coordinators that have nothing for it
}

// errEnded means that a session has no more work.
var errEnded = errors.New("the session has ended")

// errAbsent means that no process on the server has work.
var errAbsent = errors.New("no coordinator is there")

// mostErrors is the number of different architectures that may fail one after the other before a worker takes itself for the cause.
const mostErrors = 5

// others is how long a worker waits for the offers of other coordinators, after one that it cannot take.
const others = 500 * time.Millisecond

// again is how long a worker waits before it asks once more for work.
const again = time.Second

// Work scores architectures for the coordinators of a server until the context ends. It returns a *RefusedError if the coordinator
// refuses it; on a shared server, if one does and no other takes it. If once is true it returns when the first coordinator that takes it has
// no more work, or has gone and does not come back.
func Work(ctx context.Context, l *Link, once bool, o WorkOptions) error {
	host, _ := os.Hostname()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	w := &worker{identity: identity{nuid.Next(), host, os.Getpid()}, WorkOptions: o, link: l, refused: map[session]*RefusedError{}}
	patience := cmp.Or(o.Patience, Outage)
	told := ""                 // why it waits
	var left, turned time.Time // when the last coordinator was there, and since when all refuse it; zero: none was, none does
	for {
		err := w.session(ctx)
		if w.joined {
			w.joined, left = false, time.Now()
		}
		var refused *RefusedError
		if !errors.As(err, &refused) {
			turned = time.Time{}
		} else if turned.IsZero() {
			turned = time.Now()
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errEnded) && once:
			return nil
		case refused != nil && (!w.chooses() || left.IsZero() && time.Since(turned) > patience), errors.Is(err, errSpoiled), l.conn.IsClosed():
			return err
		case once && !left.IsZero() && time.Since(left) > patience:
			return fmt.Errorf("the coordinator has gone: %w", err)
		case errors.Is(err, errEnded):
			o.Log.Info("no more work; waiting for the next coordinator")
		case refused == nil && err.Error() != told:
			o.Log.Info("waiting for a coordinator", "because", err)
		}
		told = err.Error()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(again):
		}
	}
}

// chooses reports whether there may be several coordinators, of which the worker takes one.
func (w *worker) chooses() bool { return w.link.shared && w.Session == "" }

// session joins a coordinator that takes the worker, and works for it to its end.
func (w *worker) session(ctx context.Context) error {
	for {
		offer, err := w.offer(ctx)
		if err != nil {
			return err
		}
		err = w.serve(ctx, offer)
		var refused *RefusedError
		if !errors.As(err, &refused) || !w.chooses() {
			return err
		}
		w.refuse(offer.Session, refused)
	}
}

// offer asks for work.
func (w *worker) offer(ctx context.Context) (offer welcome, err error) {
	if w.chooses() {
		return w.choose(ctx)
	}
	subject := joinSubject
	if w.Session != "" {
		subject = session(w.Session).join()
	}
	if err := w.ask(ctx, subject, hello{w.identity, w.Version}, &offer); err != nil {
		return offer, err
	}
	if offer.Refused != "" {
		return offer, &RefusedError{offer.Refused}
	}
	return offer, nil
}

// choose asks all coordinators for work. It takes the first that has not refused this worker; if there is none, the error is a refusal.
func (w *worker) choose(ctx context.Context) (welcome, error) {
	inbox := w.link.conn.NewInbox()
	replies, err := w.link.conn.SubscribeSync(inbox)
	if err != nil {
		return welcome{}, err
	}
	defer replies.Unsubscribe()
	if err := w.link.conn.PublishRequest(joinSubject, inbox, encode(hello{w.identity, w.Version})); err != nil {
		return welcome{}, err
	}
	var refused *RefusedError
	for wait := answer; ; wait = others {
		m, err := next(ctx, replies, wait)
		switch {
		case ctx.Err() != nil:
			return welcome{}, ctx.Err()
		case err != nil && refused != nil:
			return welcome{}, refused
		case errors.Is(err, nats.ErrNoResponders):
			return welcome{}, errAbsent
		case err != nil:
			return welcome{}, fmt.Errorf("the coordinator does not answer: %w", err)
		}
		var offer welcome
		if err := decode(m.Data, &offer); err != nil {
			offer.Refused = "the coordinator speaks otherwise than this worker: are both of one version?"
		}
		if offer.Refused != "" {
			w.refuse(offer.Session, &RefusedError{offer.Refused})
		}
		if refused = w.refused[offer.Session]; refused == nil {
			return offer, nil
		}
	}
}

// next waits for a reply.
func next(ctx context.Context, replies *nats.Subscription, wait time.Duration) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return replies.NextMsgWithContext(ctx)
}

// refuse notes that a coordinator has nothing for this worker.
func (w *worker) refuse(s session, why *RefusedError) {
	if w.refused[s] == nil {
		w.refused[s] = why
		w.Log.Warn("a coordinator refuses this worker; it looks for another", "because", why.Why)
	}
}

// serve works for a coordinator to its end.
func (w *worker) serve(ctx context.Context, offer welcome) error {
	r, err := w.open(ctx, offer)
	if err != nil {
		return err
	}
	defer r.Close()
	key, err := r.ScoringKey()
	if err != nil {
		return cannotScore(err)
	}
	var answer verdict
	if err := w.ask(ctx, offer.Session.ready(), ready{w.identity, key}, &answer); err != nil {
		return err
	}
	if answer.Refused != "" {
		return &RefusedError{answer.Refused}
	}
	scorer, err := r.Scorer()
	if err != nil {
		return cannotScore(err)
	}
	w.joined = true
	w.Log.Info("at work", "device", r.Device.Info().Detail)
	return w.work(ctx, offer, r.Net.Space, scorer)
}

// cannotScore is the error of a worker that has the network and not what scores need, such as memory. It would be the same the next time.
func cannotScore(err error) error { return &RefusedError{"it cannot score: " + err.Error()} }

// open opens the run of a session.
func (w *worker) open(ctx context.Context, offer welcome) (*run.Run, error) {
	dir, err := os.MkdirTemp("", "bnas-worker-*")
	if err != nil {
		return nil, noRoom(err)
	}
	defer os.RemoveAll(dir)
	if err := w.fetch(ctx, offer, dir); err != nil {
		return nil, err
	}
	r, err := run.OpenShare(dir, w.Machine, w.Run)
	if err != nil {
		return nil, &RefusedError{"it cannot open the network: " + err.Error()}
	}
	return r, nil
}

// ask sends a request and reads the reply.
func (w *worker) ask(ctx context.Context, subject string, request, reply any) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	m, err := w.link.conn.RequestWithContext(ctx, subject, encode(request))
	if errors.Is(err, nats.ErrNoResponders) {
		return errAbsent
	}
	if err != nil {
		return fmt.Errorf("the coordinator does not answer: %w", err)
	}
	return decode(m.Data, reply)
}

// fetch copies the files of a session to dir.
func (w *worker) fetch(ctx context.Context, offer welcome, dir string) error {
	files, err := w.link.js.ObjectStore(ctx, offer.Session.files())
	if err != nil {
		return fmt.Errorf("the files of the coordinator: %w", err)
	}
	for _, name := range offer.Files {
		if name != filepath.Base(name) {
			return &RefusedError{fmt.Sprintf("it sends a file named %q", name)}
		}
		text, err := files.GetBytes(ctx, name)
		if err != nil {
			return fmt.Errorf("the files of the coordinator: %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			return noRoom(err)
		}
	}
	return nil
}

// noRoom is the error of a worker that cannot keep the network.
func noRoom(err error) error { return &RefusedError{"it cannot keep the network: " + err.Error()} }

// errSpoiled means that the worker may be the cause of the errors.
var errSpoiled = errors.New("this worker stops: every architecture fails on it")

// work scores architectures of the queue until the session ends.
func (w *worker) work(ctx context.Context, offer welcome, space supernet.Space, scorer *indicator.Repeated) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended, err := w.link.conn.Subscribe(offer.Session.end(), func(*nats.Msg) { cancel(errEnded) })
	if err != nil {
		return err
	}
	defer ended.Unsubscribe()
	w.link.conn.SetClosedHandler(func(*nats.Conn) { cancel(errEnded) })
	queue, err := w.link.js.Consumer(ctx, offer.Session.stream(), consumer)
	if gone(err) {
		return errEnded
	}
	if err != nil {
		return err
	}
	scorer.Stop = ctx.Err
	s := &shift{worker: w, offer: offer, space: space, scorer: scorer, held: map[string]jetstream.Msg{}, failed: map[string]bool{}}
	go s.beat(ctx)
	size, heard := 1, time.Now()
	for {
		n, next, err := s.batch(ctx, func() (jetstream.MessageBatch, error) { return queue.FetchNoWait(size) })
		if n == 0 && err == nil { // wait for the next one
			wait, stop := context.WithTimeout(ctx, s.offer.Lease/2)
			n, next, err = s.batch(ctx, func() (jetstream.MessageBatch, error) { return queue.Fetch(1, jetstream.FetchContext(wait)) })
			if n == 0 && (errors.Is(err, nats.ErrTimeout) || wait.Err() != nil) {
				err = nil // there was none
			}
			stop()
		}
		size = next
		switch cause := context.Cause(ctx); {
		case cause != nil:
			return cause
		case err == nil:
			heard = time.Now()
		case !passing(err), time.Since(heard) > s.offer.Lease:
			return err
		default:
			time.Sleep(retry)
		}
	}
}

// gone reports whether an error means that the queue of a session has been removed.
func gone(err error) bool {
	return errors.Is(err, jetstream.ErrConsumerDeleted) || errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound)
}

// shift is the work of a worker for one session.
type shift struct {
	*worker
	offer  welcome
	space  supernet.Space
	scorer *indicator.Repeated
	failed map[string]bool // architectures that failed since the last that did not

	mu   sync.Mutex
	held map[string]jetstream.Msg // leased and not yet answered
}

// beat renews the leases and says that the worker is there.
func (s *shift) beat(ctx context.Context) {
	t := time.NewTicker(min(s.offer.Lease/4, 2*time.Second))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		s.mu.Lock()
		for _, m := range s.held {
			m.InProgress()
		}
		s.mu.Unlock()
		s.link.conn.Publish(s.offer.Session.alive(), []byte(s.Name))
	}
}

// batch scores the architectures that fetch gets. It returns their number, and the size of the next batch: as many as take
// batchTime.
func (s *shift) batch(ctx context.Context, fetch func() (jetstream.MessageBatch, error)) (n, next int, err error) {
	batch, err := fetch()
	if err != nil {
		return 0, 1, err
	}
	var all []jetstream.Msg
	for m := range batch.Messages() {
		all = append(all, m)
		s.mu.Lock()
		s.held[m.Reply()] = m
		s.mu.Unlock()
	}
	began := time.Now()
	for _, m := range all {
		if err := s.one(ctx, m); err != nil {
			s.handBack()
			return n, 1, err
		}
		n++
	}
	each := time.Since(began) / time.Duration(max(n, 1))
	return n, min(max(int(batchTime/max(each, 1)), 1), mostBatch), batch.Error()
}

// handBack gives the architectures that are not answered to other workers.
func (s *shift) handBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.held {
		m.Nak()
	}
	clear(s.held)
	s.link.conn.FlushTimeout(answer)
}

// one scores the architecture of a message and answers.
func (s *shift) one(ctx context.Context, m jetstream.Msg) error {
	var j job
	if err := decode(m.Data(), &j); err != nil {
		return err
	}
	about, err := m.Metadata()
	if err != nil {
		return err
	}
	r := result{Worker: s.Name, Arch: j.Arch, Try: int(about.NumDelivered)}
	if r.Scores, err = s.score(j.Arch); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.Error = err.Error()
	}
	var taken verdict
	err = steady(ctx, s.offer.Lease, func(ctx context.Context) error { return s.ask(ctx, s.offer.Session.result(), r, &taken) })
	if err != nil {
		return err
	}
	if taken.Refused != "" {
		return errors.New(taken.Refused)
	}
	s.mu.Lock()
	delete(s.held, m.Reply())
	s.mu.Unlock()
	if r.Error == "" {
		clear(s.failed)
		return m.Ack()
	}
	if s.failed[j.Arch] = true; len(s.failed) >= mostErrors {
		return fmt.Errorf("%w; the last error: %s", errSpoiled, r.Error)
	}
	if r.Try >= Tries {
		return m.Term()
	}
	return m.Nak()
}

// score scores an architecture.
func (s *shift) score(text string) (indicator.Scores, error) {
	a, err := s.space.Parse(text)
	if err != nil {
		return indicator.Scores{}, err
	}
	return s.scorer.Score(a)
}
