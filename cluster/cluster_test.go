package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"bnas.example/indicator"
	"bnas.example/philox"
	"bnas.example/run"
	"bnas.example/search"
	"bnas.example/supernet"
)

// tiny is a run whose architectures are scored in a millisecond.
func tiny(t *testing.T) *run.Run {
	t.Helper()
	return tinyOf(t, 0)
}

// tinyOf is tiny with some threads.
func tinyOf(t *testing.T, threads int) *run.Run {
	t.Helper()
	cfg := run.Default()
	cfg.Threads = threads
	cfg.SetSeed(3)
	cfg.Supernet.Channels, cfg.Supernet.Cells, cfg.Supernet.Height, cfg.Supernet.Width = 2, 1, 8, 8
	cfg.Score = indicator.Config{Seed: 3, Images: 4, NTKImages: 2, Terms: []string{"bn_spectrum", "params"}}.WithDefaults()
	r, err := run.Untrained(cfg, run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// desk is a server with a coordinator of a run.
type desk struct {
	server *Server
	*Coordinator
	run *run.Run
}

const testVersion = "test"

func newDesk(t *testing.T, lease time.Duration) *desk {
	t.Helper()
	d := &desk{run: tiny(t)}
	k := &Crew{Options: Options{Version: testVersion, Lease: lease}}
	if err := k.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	d.server = k.server
	d.run.Workers = func(s run.Share) (run.Workers, error) {
		w, err := k.Open(s)
		if err == nil {
			d.Coordinator = w.(*Coordinator)
		}
		return w, err
	}
	return d
}

// open opens the coordinator of the run.
func (d *desk) open(t *testing.T) *run.Evaluator {
	t.Helper()
	e, err := d.run.Evaluator("")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// link connects a worker.
func (d *desk) link(t *testing.T) *Link {
	t.Helper()
	l, err := d.server.Link("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// hire starts a worker of one thread in this process. Its error is in the channel when it ends.
func (d *desk) hire(t *testing.T, ctx context.Context) <-chan error {
	t.Helper()
	return d.hireWith(t, ctx, 1)
}

// hireWith starts a worker of some threads.
func (d *desk) hireWith(t *testing.T, ctx context.Context, threads int) <-chan error {
	t.Helper()
	l, ended := d.link(t), make(chan error, 1)
	go func() {
		ended <- Work(ctx, l, true, WorkOptions{Version: testVersion, Machine: run.Machine{Threads: threads, GPU: -1}})
	}()
	return ended
}

func sample(space supernet.Space, n int) *supernet.List {
	archs := supernet.NewList(space)
	for i := range n {
		archs.Append(supernet.Random(space, philox.New(1, "cluster test", uint64(i))))
	}
	return archs
}

func scoreAll(t *testing.T, e *run.Evaluator, archs *supernet.List) []indicator.Scores {
	t.Helper()
	var all []indicator.Scores
	if err := e.ScoreAll(t.Context(), archs, func(_ int, s indicator.Scores) error { all = append(all, s); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func text(all []indicator.Scores) string { return fmt.Sprintf("%x", fmt.Sprintf("%+v", all)) }

// TestSameScores: workers of one, two and three threads give the scores of one process, in order, duplicates too; they end with the
// coordinator.
func TestSameScores(t *testing.T) {
	d := newDesk(t, 0)
	archs := sample(d.run.Net.Space, 40)
	archs.Append(archs.At(3))
	archs.Append(archs.At(39))
	one := tiny(t)
	alone, err := one.Evaluator("")
	if err != nil {
		t.Fatal(err)
	}
	want := scoreAll(t, alone, archs)
	e := d.open(t)
	var workers []<-chan error
	for threads := 1; threads <= 3; threads++ {
		workers = append(workers, d.hireWith(t, t.Context(), threads))
	}
	for d.Width() < 2*mostBatch*(1+2+3) {
		time.Sleep(time.Millisecond) // until all have joined
	}
	if got := scoreAll(t, e, archs); text(got) != text(want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
	d.Close()
	for _, ended := range workers {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// proved is the shift of a worker that a test drives by hand.
func (d *desk) proved(t *testing.T, scorer *indicator.Lanes) *shift {
	t.Helper()
	w := &worker{identity: identity{Name: t.Name()}, link: d.link(t)}
	var v verdict
	if err := w.ask(t.Context(), d.session.ready(), ready{w.identity, d.share.Key, 1}, &v); err != nil || v.Refused != "" {
		t.Fatal(err, v)
	}
	s := newShift(w, welcome{Session: d.session, Lease: d.lease}, d.run.Net.Space, scorer)
	if err := s.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestFailedArchitecture: an architecture that fails in every try is reported with the error of the last one. So is one whose worker
// falls silent each time, also to those that it has beside the architecture. The others are scored.
func TestFailedArchitecture(t *testing.T) {
	for name, silent := range map[string]bool{"it fails on try 5": false, "fell silent": true} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, 50*time.Millisecond)
			e := d.open(t)
			archs := sample(d.run.Net.Space, 3)
			bad := d.run.Net.Space.Format(archs.At(1))
			s := d.proved(t, new(indicator.Lanes))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			score := func(a supernet.Arch) (indicator.Scores, error) {
				return indicator.Scores{Arch: d.run.Net.Space.Format(a)}, nil
			}
			work := func(all []jetstream.Msg) {
				if silent && slices.ContainsFunc(all, func(m jetstream.Msg) bool { return bytes.Contains(m.Data(), []byte(bad)) }) {
					return
				}
				for _, m := range all {
					r, err := s.result(m, score)
					if r.Arch == bad {
						r.Error = fmt.Sprint("it fails on try ", r.Try)
					}
					if err = errors.Join(err, s.answer(ctx, m, r)); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
				}
			}
			go func() {
				for ctx.Err() == nil {
					first, _ := s.lease(s.queue.Fetch(3, jetstream.FetchMaxWait(20*time.Millisecond)))
					work(first)
					again, _ := s.lease(s.again.FetchNoWait(1))
					work(again)
				}
			}()
			scored := 0
			err := e.ScoreAll(t.Context(), archs, func(int, indicator.Scores) error { scored++; return nil })
			var failed *search.FailedError
			if !errors.As(err, &failed) || failed.Arch != bad || failed.Tries != Tries || !strings.Contains(err.Error(), name) {
				t.Errorf("error %v", err)
			}
			if scored != 2 {
				t.Errorf("%d scored, want 2", scored)
			}
		})
	}
}

// TestBound: when the time is over and no worker is there, Score ends; it waits for a worker that is there, and for those that this
// process starts.
func TestBound(t *testing.T) {
	d := newDesk(t, 20*time.Millisecond)
	e := d.open(t)
	archs := sample(d.run.Net.Space, 1)
	d.Bound(time.Now().Add(-time.Hour))
	if err := e.ScoreAll(t.Context(), archs, nil); err != search.ErrAbandoned {
		t.Errorf("nobody is there: %v", err)
	}
	s := d.proved(t, new(indicator.Lanes))
	seen := func(at time.Time) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.workers[s.Name].seen = at
	}
	seen(time.Now().Add(time.Hour))
	ended := make(chan error, 1)
	go func() { ended <- e.ScoreAll(t.Context(), archs, nil) }()
	select {
	case err := <-ended:
		t.Fatalf("a worker is there: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	seen(time.Now().Add(-time.Hour))
	if err := <-ended; err != search.ErrAbandoned {
		t.Errorf("it has left: %v", err)
	}
	own := &Coordinator{own: true}
	if own.Bound(time.Now()); own.late() != nil {
		t.Error("workers of this process are not waited for")
	}
}

// TestLostMessage: an architecture whose message is lost is put into the queue again.
func TestLostMessage(t *testing.T) {
	d := newDesk(t, 50*time.Millisecond)
	e := d.open(t)
	archs := sample(d.run.Net.Space, 1)
	if err := d.Begin(archs.At(0)); err != nil {
		t.Fatal(err)
	}
	if err := d.stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.hire(t, t.Context())
	if all := scoreAll(t, e, archs); len(all) != 1 {
		t.Errorf("%d scored", len(all))
	}
}

// TestLostQueue: without the queue on the server Score ends with one line.
func TestLostQueue(t *testing.T) {
	d := newDesk(t, 50*time.Millisecond)
	e := d.open(t)
	archs := sample(d.run.Net.Space, 1)
	if err := d.Begin(archs.At(0)); err != nil {
		t.Fatal(err)
	}
	if err := d.Coordinator.link.js.DeleteStream(t.Context(), d.session.stream()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err := e.ScoreAll(t.Context(), archs, nil)
		if err == nil || !strings.Contains(err.Error(), "lost the queue") || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v", err)
		}
	}
}

// TestRefusals: a worker of another version, other parameters or other arithmetic is refused with one line that says why.
func TestRefusals(t *testing.T) {
	d := newDesk(t, 0)
	d.open(t)
	err := Work(t.Context(), d.link(t), true, WorkOptions{Version: "other"})
	var refused *RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "version other") || strings.Contains(err.Error(), "\n") {
		t.Errorf("another version: %v", err)
	}
	for part, want := range map[string]string{"parameters": "parameters", "arithmetic": "arithmetic (other, not "} {
		w := &worker{identity: identity{Name: part}, link: d.link(t)}
		key := maps.Clone(d.share.Key)
		key[part] = "other"
		var v verdict
		if err := w.ask(t.Context(), d.session.ready(), ready{w.identity, key, 1}, &v); err != nil || !strings.Contains(v.Refused, want) {
			t.Errorf("other %s: %v, %q", part, err, v.Refused)
		}
		if err := w.ask(t.Context(), d.session.result(), result{Worker: part}, &v); err != nil || v.Refused == "" {
			t.Errorf("scores of a worker that was refused: %v, %q", err, v.Refused)
		}
	}
	d.share.Files[run.ConfigName] = []byte("seed: 3\n") // a worker that opens it has another supernet
	files, err := d.link(t).js.ObjectStore(t.Context(), d.session.files())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := files.PutBytes(t.Context(), run.ConfigName, d.share.Files[run.ConfigName]); err != nil {
		t.Fatal(err)
	}
	err = Work(t.Context(), d.link(t), true, WorkOptions{Version: testVersion, Machine: run.Machine{Threads: 1, GPU: -1}})
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "supernet") || strings.Contains(err.Error(), "\n") {
		t.Errorf("another supernet: %v", err)
	}
}

// TestMessages: what is encoded is decoded, to the bit.
func TestMessages(t *testing.T) {
	r := tiny(t)
	s, err := r.Scorer()
	if err != nil {
		t.Fatal(err)
	}
	a := r.Net.Space.(supernet.Ordered).At(7000)
	scores, err := s.Score(a)
	if err != nil {
		t.Fatal(err)
	}
	want := result{"w", "a", scores, "", 2}
	var got result
	if err := decode(encode(want), &got); err != nil || text([]indicator.Scores{got.Scores}) != text([]indicator.Scores{scores}) || got.Try != 2 {
		t.Errorf("%v, %v", got, err)
	}
	h := hello{identity{"n", "h", 3}, "v"}
	var back hello
	if err := decode(encode(h), &back); err != nil || !reflect.DeepEqual(back, h) {
		t.Errorf("%v, %v", back, err)
	}
	if err := decode([]byte("x"), &back); err == nil {
		t.Error("decoded a text that is no message")
	}
}

// TestJoin: a worker that joins by the network gives the same scores. One with another token is refused, also by a server that
// takes every token.
func TestJoin(t *testing.T) {
	token := NewToken()
	k := &Crew{Listen: "127.0.0.1:0", Token: token, Options: Options{Version: testVersion}}
	if err := k.Start(); err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	r := tiny(t)
	archs := sample(r.Net.Space, 5)
	alone, err := r.Evaluator("")
	if err != nil {
		t.Fatal(err)
	}
	want := scoreAll(t, alone, archs)
	r.Workers = k.Open
	e, err := r.Evaluator("")
	if err != nil {
		t.Fatal(err)
	}
	where := "nats://" + k.Address()
	if _, err := Serve(k.Address(), token); err == nil || !strings.Contains(err.Error(), "address already in use") || !strings.Contains(err.Error(), "a free port") {
		t.Errorf("a second server at the address: %v", err)
	}
	l, err := Join(where, token)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go Work(t.Context(), l, true, WorkOptions{Version: testVersion, Machine: run.Machine{Threads: 1, GPU: -1}})
	if got := scoreAll(t, e, archs); text(got) != text(want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
	for other, say := range map[string]string{"short": "needs at least 20", strings.Repeat("x", 5000): "at most 1024", NewToken(): "has another token"} {
		if _, err := Join(where, other); err == nil || !strings.Contains(err.Error(), say) || strings.Contains(err.Error(), "\n") {
			t.Errorf("token %q: %v", other, err)
		}
	}
	if _, err := link(where, "it", nats.Token(NewToken()), nats.Secure(workerTLS(token))); err == nil || !strings.Contains(err.Error(), "another token") {
		t.Errorf("the right key and another token: %v", err)
	}
	if _, err := link(where, "it", nats.Token(token)); err == nil {
		t.Error("joined without the key of the server")
	}
}

func TestCheckURL(t *testing.T) {
	for where, good := range map[string]bool{
		"nats://127.0.0.1:4222": true, "nats://user:pass@localhost:4222": true, "tls://ten.example:4222": true, "tls://a:1,tls://b:1": true,
		"nats://ten.example:4222": false, "nats://127.0.0.1:1,nats://10.0.0.1:1": false, "": false, "4222": false,
	} {
		if err := checkURL(where); (err == nil) != good {
			t.Errorf("%q: %v", where, err)
		}
	}
}

// TestNoSocket: without an address the server listens nowhere.
func TestNoSocket(t *testing.T) {
	before := listening(t)
	d := newDesk(t, 0)
	d.open(t)
	d.hire(t, t.Context())
	if after := listening(t); after != before {
		t.Errorf("listening sockets %d, before %d", after, before)
	}
	if a := d.server.Address(); a != "" {
		t.Errorf("it listens at %s", a)
	}
	s, err := Serve("127.0.0.1:0", NewToken())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if after := listening(t); after != before+1 || s.Address() == "" {
		t.Errorf("with an address: %d listening sockets, before %d; address %q", after, before, s.Address())
	}
}

// listening counts the listening sockets of this process.
func listening(t *testing.T) (n int) {
	t.Helper()
	open := map[string]bool{}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc here")
	}
	for _, fd := range fds {
		to, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		open[to] = true
	}
	for _, table := range []string{"tcp", "tcp6"} {
		lines, _ := os.ReadFile("/proc/self/net/" + table)
		for line := range strings.Lines(string(lines)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && open["socket:["+f[9]+"]"] {
				n++
			}
		}
	}
	return n
}
