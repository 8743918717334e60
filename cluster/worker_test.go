package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"bnas.example/run"
)

// spoil puts n architectures that fail on every worker into the queue.
func (d *desk) spoil(t *testing.T, n int) {
	t.Helper()
	for range n {
		if _, err := d.Coordinator.link.js.Publish(t.Context(), d.session.jobs(), encode(job{"no architecture " + nuid.Next()})); err != nil {
			t.Fatal(err)
		}
	}
}

// emptied waits until nothing is in the queue.
func (d *desk) emptied(t *testing.T, ctx context.Context) {
	t.Helper()
	for {
		switch info, err := d.stream.Info(ctx); {
		case err != nil:
			t.Fatalf("the queue does not empty: %v", err)
		case info.State.Msgs == 0:
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// TestBadArchitectures: architectures that fail in every try stop no worker while others do not fail, also if there is one worker alone. A
// worker on which different ones fail in a row stops: it may be the cause.
func TestBadArchitectures(t *testing.T) {
	d := newDesk(t, 0)
	e := d.open(t)
	ended := d.hire(t, t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 2 {
		d.spoil(t, mostErrors-1)
		d.emptied(t, ctx)
		if err := e.ScoreAll(ctx, sample(d.run.Net.Space, 3), nil); err != nil {
			t.Fatalf("%d bad architectures stop the worker: %v", mostErrors-1, err)
		}
	}
	d.spoil(t, mostErrors)
	if err := <-ended; !errors.Is(err, errSpoiled) {
		t.Errorf("%d bad architectures: %v", mostErrors, err)
	}
}

// TestWorkerThatCannotScore: a worker that lacks what scores need, here images, ends with one line, and does not try for ever.
func TestWorkerThatCannotScore(t *testing.T) {
	d := newDesk(t, 0)
	d.open(t)
	dir := t.TempDir()
	config := strings.Replace(string(d.share.Files[run.ConfigName]), "\n    images: 4\n", "\n    images: 65000\n", 1)
	if err := os.WriteFile(filepath.Join(dir, run.ConfigName), []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	r, err := run.OpenShare(dir, run.Machine{Threads: 1, GPU: -1}, run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if d.share.Key, err = r.ScoringKey(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.files.PutString(t.Context(), run.ConfigName, config); err != nil {
		t.Fatal(err)
	}
	var refused *RefusedError
	if err := <-d.hire(t, t.Context()); !errors.As(err, &refused) || !strings.Contains(err.Error(), "cannot score: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

// TestNoRoomForTheNetwork: the error of a worker that cannot write its temporary files names the variable of their folder.
func TestNoRoomForTheNetwork(t *testing.T) {
	d := newDesk(t, 0)
	d.open(t)
	missing := filepath.Join(t.TempDir(), "missing")
	t.Setenv("TMPDIR", missing)
	var refused *RefusedError
	if err := <-d.hire(t, t.Context()); !errors.As(err, &refused) || !strings.Contains(err.Error(), "TMPDIR") || !strings.Contains(err.Error(), missing) {
		t.Errorf("%v", err)
	}
}

// TestOtherCoordinators: on a shared server a worker passes over coordinators that refuse it, with a line for each, and works for one that
// takes it. It ends with the refusal if there is none.
func TestOtherCoordinators(t *testing.T) {
	where := sharedServer(t)
	r := tiny(t)
	opened := func(o Options, change func(*run.Share)) (c *Coordinator, e *run.Evaluator) {
		t.Helper()
		k := &Crew{NATS: where}
		if err := k.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(k.Close)
		r.Workers = func(s run.Share) (run.Workers, error) {
			change(&s)
			var err error
			c, err = Open(k.link, s, o)
			return c, err
		}
		e, err := r.Evaluator("")
		if err != nil {
			t.Fatal(err)
		}
		return c, e
	}
	var log strings.Builder
	work := func(ctx context.Context, patience time.Duration) error {
		l, err := Connect(where)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		log.Reset()
		return Work(ctx, l, true, WorkOptions{Version: testVersion, Patience: patience, Machine: run.Machine{Threads: 1, GPU: -1},
			Log: slog.New(slog.NewTextHandler(&log, nil))})
	}
	soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := work(soon, time.Minute); err != soon.Err() || !strings.Contains(log.String(), errAbsent.Error()) {
		t.Errorf("nobody is there: %v, %s", err, &log)
	}
	opened(Options{Version: "other"}, func(*run.Share) {})
	opened(Options{Version: testVersion}, func(s *run.Share) {
		s.Key = maps.Clone(s.Key)
		s.Key["parameters"] = "other"
	})
	var refused *RefusedError
	if err := work(t.Context(), 1); !errors.As(err, &refused) || strings.Contains(err.Error(), "\n") {
		t.Errorf("all refuse it: %v", err)
	}
	good, e := opened(Options{Version: testVersion}, func(*run.Share) {})
	for _, s := range good.subs {
		if s.Subject == joinSubject { // it answers last
			s.Unsubscribe()
		}
	}
	if _, err := good.link.conn.Subscribe(joinSubject, func(m *nats.Msg) { time.Sleep(50 * time.Millisecond); good.join(m) }); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- work(t.Context(), time.Minute) }()
	soon, cancel = context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := e.ScoreAll(soon, sample(r.Net.Space, 3), nil); err != nil {
		t.Error(err)
	}
	good.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, want := range []string{"of version test, the coordinator of other", "it differs in parameters"} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("%q not once in\n%s", want, &log)
		}
	}
}

// TestLostEnd: a worker with once that has not heard that its session ends does not wait for ever.
func TestLostEnd(t *testing.T) {
	d := newDesk(t, 50*time.Millisecond)
	e := d.open(t)
	l, ended := d.link(t), make(chan error, 1)
	go func() {
		ended <- Work(t.Context(), l, true, WorkOptions{Version: testVersion, Machine: run.Machine{Threads: 1, GPU: -1}, Patience: time.Millisecond})
	}()
	scoreAll(t, e, sample(d.run.Net.Space, 1))
	for _, sub := range d.subs {
		sub.Unsubscribe()
	}
	if err := d.Coordinator.link.js.DeleteStream(t.Context(), d.session.stream()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "the coordinator has gone") {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it works on")
	}
}

// TestSizeOfBatch: a lane takes as many architectures at a time as batchTime is for, at least one and at most mostBatch.
func TestSizeOfBatch(t *testing.T) {
	for took, want := range map[time.Duration]int{0: mostBatch, batchTime / 100: mostBatch, batchTime / 3: 3, batchTime: 1, time.Hour: 1} {
		if got := sizeFor(took); got != want {
			t.Errorf("%d of %v each, want %d", got, took, want)
		}
	}
}

// TestTurns: a worker gives each lane an architecture, and one that comes alone to the scorer itself. What had a try already waits until
// no lane works, and comes one by one.
func TestTurns(t *testing.T) {
	d := newDesk(t, 0)
	d.open(t)
	r := tinyOf(t, 3)
	scorer, end, err := r.Lanes()
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	s := d.proved(t, scorer)
	if s.lanes = 3; scorer.Lanes() > 1 && scorer.Lanes() != 3 {
		t.Fatalf("%d lanes of 3 threads", scorer.Lanes())
	}
	archs := sample(r.Net.Space, 8)
	queue := func(again bool, from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			task, err := d.begin(archs.At(i))
			if err != nil {
				t.Fatal(err)
			}
			if again {
				if err := d.stream.DeleteMsg(t.Context(), task.place); err != nil {
					t.Fatal(err)
				}
				task.again = true
				if err := d.enqueue(t.Context(), task); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	// A queue gives what it knows of: what is in the stream comes to it a little later.
	wait := func(queue jetstream.Consumer, pending uint64) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			info, err := queue.Info(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if info.NumPending == pending {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the queue %s has %d, want %d", info.Name, info.NumPending, pending)
			}
		}
	}
	turn := func(what string, started, settled int) {
		t.Helper()
		if err := s.turn(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.started != started || d.settled() != settled {
			t.Fatalf("%s: %d on lanes, %d done; want %d and %d", what, s.started, d.settled(), started, settled)
		}
	}
	queue(false, 0, 1)
	wait(s.queue, 1)
	turn("one that comes alone", 0, 1)
	queue(true, 1, 3)
	queue(false, 3, 7)
	wait(s.again, 2)
	wait(s.queue, 4)
	turn("four that come together", 3, 1)
	s.lanes = 4 // one has nothing to do
	turn("the fourth", 4, 1)
	s.lanes = 5
	turn("none, and two that had a try", 4, 1)
	s.lanes = 3
	s.start(t.Context())
	defer s.end()
	for len(s.finished) < 4 {
		time.Sleep(time.Millisecond)
	}
	s.heard = time.Time{}
	if err := s.idle(t.Context()); err != nil || s.heard.IsZero() {
		t.Errorf("the coordinator has answered: heard at %v, %v", s.heard, err)
	}
	turn("the first that had a try", 0, 6)
	turn("the second", 0, 7)
	turn("nothing", 0, 7)
	s.lanes = 1
	queue(false, 7, 8)
	wait(s.queue, 1)
	if err := s.turn(t.Context()); err != nil || s.started != 1 {
		t.Errorf("one lane: %d of 1 are on it, %v", s.started, err) // which is timed
	}
}

// TestFileOutside: a worker writes no file of a coordinator outside its folder.
func TestFileOutside(t *testing.T) {
	d := newDesk(t, 0)
	d.open(t)
	dir := filepath.Join(t.TempDir(), "in")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	name := "../" + run.ConfigName
	if _, err := d.files.PutString(t.Context(), name, "seed: 1\n"); err != nil {
		t.Fatal(err)
	}
	w := &worker{link: d.link(t)}
	var refused *RefusedError
	if err := w.fetch(t.Context(), welcome{Session: d.session, Files: []string{name}}, dir); !errors.As(err, &refused) || !strings.Contains(err.Error(), name) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
		t.Error("the file is there")
	}
}

// TestSteady: a request whose first try takes longer than the patience, such as that of a process that was stopped meanwhile, is tried
// once more.
func TestSteady(t *testing.T) {
	for fails, fine := range map[int]bool{0: true, 1: true, 2: false} {
		tries := 0
		err := steady(t.Context(), time.Millisecond, func(context.Context) error {
			if tries++; tries > fails {
				return nil
			}
			time.Sleep(2 * time.Millisecond)
			return nats.ErrTimeout
		})
		if (err == nil) != fine {
			t.Errorf("%d tries fail: %v", fails, err)
		}
	}
}

// TestWidth: workers that have left do not widen the window.
func TestWidth(t *testing.T) {
	c := &Coordinator{lease: time.Minute, workers: map[string]*member{}}
	for i := range 10 { // of 4 threads
		seen := time.Now()
		if i < 6 {
			seen = seen.Add(-time.Hour)
		}
		c.workers[fmt.Sprint(i)] = &member{seen: seen, threads: 4}
	}
	if got := c.Width(); got != 4*4*2*mostBatch {
		t.Errorf("%d for 4 workers of 4 threads", got)
	}
}

// TestBeginAgain: an architecture that did not come into the queue is put there the next time.
func TestBeginAgain(t *testing.T) {
	d := newDesk(t, 0)
	e := d.open(t)
	archs := sample(d.run.Net.Space, 1)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	d.Until(over)
	if err := d.Begin(archs.At(0)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	d.hire(t, t.Context())
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	if err := e.ScoreAll(ctx, archs, nil); err != nil {
		t.Error(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.jobs)+len(d.queued) > 0 {
		t.Errorf("%d jobs and %d places are left of an architecture that is scored", len(d.jobs), len(d.queued))
	}
}
