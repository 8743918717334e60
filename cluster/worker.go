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
	"bnas.example/internal/hardware"
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
	told := "" // why it waits
	var seen sightings
	for {
		err := w.session(ctx)
		seen.add(err, w.joined)
		w.joined = false
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errEnded) && once:
			return nil
		case seen.refused() && !w.chooses(), seen.left.IsZero() && seen.refusedFor(patience), errors.Is(err, errSpoiled), l.conn.IsClosed():
			return err
		case once && seen.goneFor(patience):
			return fmt.Errorf("the coordinator has gone: %w", err)
		case errors.Is(err, errEnded):
			o.Log.Info("no more work; waiting for the next coordinator")
		case !seen.refused() && err.Error() != told:
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

// sightings are when a worker has seen coordinators.
type sightings struct {
	left   time.Time // when the last that took it was there; zero: none was
	turned time.Time // since when all refuse it; zero: none does
}

// add notes the end of a session, in which a coordinator took the worker if joined is true.
func (s *sightings) add(err error, joined bool) {
	if joined {
		s.left = time.Now()
	}
	var refused *RefusedError
	if !errors.As(err, &refused) {
		s.turned = time.Time{}
	} else if !s.refused() {
		s.turned = time.Now()
	}
}

func (s *sightings) refused() bool { return !s.turned.IsZero() }

func (s *sightings) refusedFor(d time.Duration) bool { return s.refused() && time.Since(s.turned) > d }

// goneFor reports whether the coordinator that took it has gone for so long.
func (s *sightings) goneFor(d time.Duration) bool { return !s.left.IsZero() && time.Since(s.left) > d }

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
	if err := w.ask(ctx, offer.Session.ready(), ready{w.identity, key, cmp.Or(w.Machine.Threads, hardware.Cores())}, &answer); err != nil {
		return err
	}
	if answer.Refused != "" {
		return &RefusedError{answer.Refused}
	}
	scorer, end, err := r.Lanes()
	if err != nil {
		return cannotScore(err)
	}
	defer end()
	w.joined = true
	w.Log.Info("at work", "device", r.Device.Info().Detail)
	return w.work(ctx, offer, r.Net.Space, scorer)
}

// cannotScore is the error of a worker that has the network and not what scores need, such as memory. It would be the same the next time.
func cannotScore(err error) error { return &RefusedError{"it cannot score: " + err.Error()} }

// open opens the run of a session.
func (w *worker) open(ctx context.Context, offer welcome) (*run.Run, error) {
	dir, remove, err := newKeep(workerKeep)
	if err != nil {
		return nil, noRoom(err)
	}
	defer remove()
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
func noRoom(err error) error {
	return &RefusedError{"it cannot keep the network in its temporary files: " + err.Error() + "; TMPDIR names another folder for them"}
}

// errSpoiled means that the worker may be the cause of the errors.
var errSpoiled = errors.New("this worker stops: every architecture fails on it")

// work scores architectures of the queue until the session ends.
func (w *worker) work(ctx context.Context, offer welcome, space supernet.Space, scorer *indicator.Lanes) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended, err := w.link.conn.Subscribe(offer.Session.end(), func(*nats.Msg) { cancel(errEnded) })
	if err != nil {
		return err
	}
	defer ended.Unsubscribe()
	w.link.conn.SetClosedHandler(func(*nats.Conn) { cancel(errEnded) })
	scorer.StopWith(ctx.Err)
	s := newShift(w, offer, space, scorer)
	if err := s.open(ctx); gone(err) {
		return errEnded
	} else if err != nil {
		return err
	}
	go s.beat(ctx)
	s.start(ctx)
	defer func() { cancel(nil); s.end() }()
	for {
		err := s.turn(ctx)
		switch cause := context.Cause(ctx); {
		case cause != nil:
			return cause
		case err == nil:
			s.heard = time.Now()
		case !passing(err), time.Since(s.heard) > s.offer.Lease:
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

// shift is the work of a worker for one session: it scores several architectures at a time.
type shift struct {
	*worker
	offer    welcome
	space    supernet.Space
	scorer   *indicator.Lanes
	queue    jetstream.Consumer
	again    jetstream.Consumer // of architectures with which a worker ended or met an error
	lanes    int                // how many are scored at a time
	todo     chan jetstream.Msg // for the lanes
	finished chan outcome       // of the lanes
	started  int                // put into todo, and not yet out of finished
	size     int                // how many take a lane batchTime
	heard    time.Time          // when the coordinator answered last
	going    sync.WaitGroup     // the lanes

	mu     sync.Mutex
	held   map[string]jetstream.Msg // leased and not yet answered
	failed map[string]bool          // architectures that failed since the last that did not
}

// outcome is what became of an architecture on a lane.
type outcome struct {
	took time.Duration
	err  error // the worker has not answered
}

func newShift(w *worker, offer welcome, space supernet.Space, scorer *indicator.Lanes) *shift {
	lanes := max(scorer.Lanes(), 1)
	return &shift{
		worker: w, offer: offer, space: space, scorer: scorer, lanes: lanes, size: 1,
		todo: make(chan jetstream.Msg, lanes*mostBatch), finished: make(chan outcome, lanes*mostBatch),
		heard: time.Now(), held: map[string]jetstream.Msg{}, failed: map[string]bool{},
	}
}

// open finds the queues of the session.
func (s *shift) open(ctx context.Context) (err error) {
	if s.queue, err = s.link.js.Consumer(ctx, s.offer.Session.stream(), consumer); err == nil {
		s.again, err = s.link.js.Consumer(ctx, s.offer.Session.stream(), againConsumer)
	}
	return err
}

// start starts the lanes.
func (s *shift) start(ctx context.Context) {
	for range s.lanes {
		s.going.Go(func() {
			for m := range s.todo {
				began := time.Now()
				err := s.one(ctx, m, s.scorer.Beside)
				s.finished <- outcome{time.Since(began), err}
			}
		})
	}
}

// end waits for the lanes, which stop with their context, and gives what they have not scored to other workers.
func (s *shift) end() {
	close(s.todo)
	s.going.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.held {
		m.Nak()
	}
	s.link.conn.FlushTimeout(answer)
}

// turn waits until a lane has nothing to do, and gives the lanes as many architectures as take them batchTime. One that comes alone has
// all threads. The error is that of a queue or of an architecture.
func (s *shift) turn(ctx context.Context) error {
	if err := s.idle(ctx); err != nil {
		return err
	}
	n := s.lanes*s.size - s.started
	all, err := s.lease(s.queue.FetchNoWait(n))
	if len(all) == 0 && err == nil && s.started == 0 {
		all, err = s.lease(s.again.FetchNoWait(1))
	}
	if len(all) == 0 && err == nil {
		all, err = s.wait(ctx, n)
	}
	if len(all) == 1 && s.started == 0 && s.lanes > 1 {
		return errors.Join(s.one(ctx, all[0], s.scorer.Score), err)
	}
	for _, m := range all {
		s.started++
		s.todo <- m
	}
	return err
}

// idle waits until a lane has nothing to do. The error is that of an architecture.
func (s *shift) idle(ctx context.Context) error {
	for s.started >= s.lanes || len(s.finished) > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case o := <-s.finished:
			s.started--
			if o.err != nil {
				return o.err
			}
			s.size, s.heard = sizeFor(o.took), time.Now()
		}
	}
	return nil
}

// sizeFor is how many architectures a lane has at a time, if one takes so long.
func sizeFor(took time.Duration) int { return min(max(int(batchTime/max(took, 1)), 1), mostBatch) }

// wait leases at most n architectures of the queue, and waits for the first one, until it is time to look at the other queue.
func (s *shift) wait(ctx context.Context, n int) ([]jetstream.Msg, error) {
	one, stop := context.WithTimeout(ctx, min(s.offer.Lease/2, lookAgain))
	defer stop()
	all, err := s.lease(s.queue.Fetch(1, jetstream.FetchContext(one)))
	switch {
	case len(all) == 0 && (errors.Is(err, nats.ErrTimeout) || one.Err() != nil):
		return nil, nil
	case len(all) == 0 || err != nil || n == 1:
		return all, err
	}
	more, err := s.lease(s.queue.FetchNoWait(n - 1)) // they came together
	return append(all, more...), err
}

// lease holds the architectures of a batch.
func (s *shift) lease(batch jetstream.MessageBatch, err error) (all []jetstream.Msg, _ error) {
	if err != nil {
		return nil, err
	}
	for m := range batch.Messages() {
		all = append(all, m)
		s.mu.Lock()
		s.held[m.Reply()] = m
		s.mu.Unlock()
	}
	return all, batch.Error()
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

// one scores the architecture of a message and answers. After an error it gives the architecture back.
func (s *shift) one(ctx context.Context, m jetstream.Msg, score func(supernet.Arch) (indicator.Scores, error)) error {
	r, err := s.result(m, score)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = s.answer(ctx, m, r)
	}
	if err != nil {
		m.Nak()
	}
	s.mu.Lock()
	delete(s.held, m.Reply())
	s.mu.Unlock()
	return err
}

// result scores the architecture of a message.
func (s *shift) result(m jetstream.Msg, score func(supernet.Arch) (indicator.Scores, error)) (result, error) {
	var j job
	if err := decode(m.Data(), &j); err != nil {
		return result{}, err
	}
	about, err := m.Metadata()
	if err != nil {
		return result{}, err
	}
	r := result{Worker: s.Name, Arch: j.Arch, Try: int(about.NumDelivered)}
	if about.Consumer == againConsumer {
		r.Try++
	}
	a, err := s.space.Parse(j.Arch)
	if err == nil {
		r.Scores, err = score(a)
	}
	if err != nil {
		r.Error = err.Error()
	}
	return r, nil
}

// answer gives the coordinator a result. The architecture is then done, or it is given back for another try.
func (s *shift) answer(ctx context.Context, m jetstream.Msg, r result) error {
	var taken verdict
	err := steady(ctx, s.offer.Lease, func(ctx context.Context) error { return s.ask(ctx, s.offer.Session.result(), r, &taken) })
	switch {
	case err != nil:
		return err
	case taken.Refused != "":
		return errors.New(taken.Refused)
	case r.Error == "":
		s.works()
		return m.Ack()
	case s.fails(r.Arch) >= mostErrors:
		return fmt.Errorf("%w; the last error: %s", errSpoiled, r.Error)
	case r.Try >= Tries:
		return m.Term()
	}
	return m.Nak()
}

// works notes that an architecture has not failed.
func (s *shift) works() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.failed)
}

// fails notes that an architecture has failed. It returns how many have since the last that did not.
func (s *shift) fails(arch string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[arch] = true
	return len(s.failed)
}
