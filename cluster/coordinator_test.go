package cluster

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"bnas.example/indicator"
	"bnas.example/search"
)

// alone is a coordinator without a server.
func alone() *Coordinator {
	c := &Coordinator{lease: time.Minute, jobs: map[string]*task{}, queued: map[uint64]*task{}, workers: map[string]*member{}}
	c.ctx, c.cut = context.WithCancelCause(context.Background())
	return c
}

// TestSettle: a task ends with its first scores, or with the error of its last try. Only a worker that has proved itself ends one.
func TestSettle(t *testing.T) {
	scores := indicator.Scores{Arch: "a"}
	for _, c := range []struct {
		name          string
		results       []result
		taken         bool // of the last result
		ended, failed int
		scored        int
		err           string
	}{
		{"scores", []result{{Worker: "w", Arch: "a", Scores: scores, Try: 1}}, true, 1, 0, 1, ""},
		{"a stranger", []result{{Worker: "x", Arch: "a", Scores: scores, Try: 1}}, false, 0, 0, 0, ""},
		{"another architecture", []result{{Worker: "w", Arch: "b", Scores: scores, Try: 1}}, true, 0, 0, 0, ""},
		{"twice", []result{{Worker: "w", Arch: "a", Scores: scores, Try: 1}, {Worker: "w", Arch: "a", Scores: scores, Try: 2}}, true, 1, 0, 1, ""},
		{"an error that is not the last", []result{{Worker: "w", Arch: "a", Error: "no", Try: Tries - 1}}, true, 0, 0, 0, ""},
		{"scores after an error", []result{{Worker: "w", Arch: "a", Error: "no", Try: 1}, {Worker: "w", Arch: "a", Scores: scores, Try: 2}}, true, 1, 0, 1, ""},
		{"the last error", []result{{Worker: "w", Arch: "a", Error: "first", Try: 1}, {Worker: "w", Arch: "a", Error: "last", Try: Tries}}, true, 1, 1, 0, "a failed in 5 tries: last"},
		{"scores after the last error", []result{{Worker: "w", Arch: "a", Error: "last", Try: Tries}, {Worker: "w", Arch: "a", Scores: scores, Try: Tries}}, true, 1, 1, 0, "a failed in 5 tries: last"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := alone()
			task := &task{job: job{"a"}, done: make(chan struct{})}
			d.jobs["a"], d.workers["w"] = task, &member{}
			taken := false
			for _, r := range c.results {
				taken = d.settle(r)
			}
			if taken != c.taken || d.settled() != c.ended || d.failed != c.failed || d.workers["w"].scored != c.scored || task.ended != (c.ended > 0) {
				t.Errorf("taken %v, %d ended, %d failed, %d scored, the task has ended: %v", taken, d.settled(), d.failed, d.workers["w"].scored, task.ended)
			}
			var failed *search.FailedError
			if (task.err != nil) != (c.err != "") || task.err != nil && (!errors.As(task.err, &failed) || task.err.Error() != c.err) {
				t.Errorf("the task has the error %v, want %q", task.err, c.err)
			}
		})
	}
	silent := &task{job: job{"b"}, done: make(chan struct{})}
	alone().fail(silent)
	if silent.err == nil || !strings.Contains(silent.err.Error(), "each time its worker ended") {
		t.Errorf("an architecture without an answer: %v", silent.err)
	}
}

func TestMembers(t *testing.T) {
	c := alone()
	now := time.Now()
	for name, m := range map[string]*member{
		"1": {identity{"1", "b", 1}, 1, 5, now}, "2": {identity{"2", "a", 9}, 1, 6, now}, "3": {identity{"3", "a", 2}, 1, 7, now.Add(-c.lease / 2)},
		"4": {identity{"4", "a", 3}, 1, 8, now.Add(-c.lease - time.Second)},
	} {
		c.workers[name] = m
	}
	c.failed = 3
	all, failed := c.members()
	var got []string
	for _, w := range all {
		got = append(got, fmt.Sprint(w.Host, w.Process, " ", w.Scored))
	}
	if want := []string{"a2 7", "a9 6", "b1 5"}; !slices.Equal(got, want) || failed != 3 {
		t.Errorf("members %q, %d failed, want %q", got, failed, want)
	}
	if w := all[0]; !(w.Silent >= 30 && w.Silent < 60) {
		t.Errorf("silent for %v s, want 30", w.Silent)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	c.workers = map[string]*member{"1": {identity: identity{"1", host, 7}}, "2": {identity: identity{"2", host + "x", 8}}}
	for process, want := range map[int]bool{7: true, 8: false, 9: false} {
		if c.has(process) != want {
			t.Errorf("process %d of this machine is a worker: %v", process, !want)
		}
	}
	if got := (&Coordinator{lease: time.Minute}).Width(); got != 2*2*mostBatch {
		t.Errorf("a width of %d without workers", got)
	}
}

// TestBreakOff: the first reason stays.
func TestBreakOff(t *testing.T) {
	c := alone()
	first := errors.New("first")
	c.breakOff(first)
	c.breakOff(errors.New("second"))
	if context.Cause(c.ctx) != first || c.broken != first {
		t.Errorf("%v, %v", context.Cause(c.ctx), c.broken)
	}
	c.Until(t.Context())
	if context.Cause(c.ctx) != first {
		t.Errorf("with another context: %v", context.Cause(c.ctx))
	}
	// Workers of this process are replaced: they are waited for.
	for own, want := range map[bool]bool{false: true, true: false} {
		c := alone()
		c.own = own
		if c.Bound(time.Now()); (c.late() != nil) != want {
			t.Errorf("own workers %v: a bound is %v", own, !want)
		}
	}
}

// TestProveAgain: a worker that was cut off and is here again keeps its count. One with another key is none.
func TestProveAgain(t *testing.T) {
	c := alone()
	c.share.Key = search.Key{"a": "1"}
	prove := func(name, value string) {
		c.prove(&nats.Msg{Data: encode(ready{identity{name, "host", 1}, search.Key{"a": value}, 1})})
	}
	prove("w", "1")
	if c.workers["w"] == nil {
		t.Fatal("it is no worker")
	}
	c.workers["w"].scored = 7
	c.workers["w"].seen = time.Time{}
	prove("w", "1")
	if w := c.workers["w"]; w.scored != 7 || w.seen.IsZero() {
		t.Errorf("here again: %+v", w)
	}
	if prove("x", "2"); len(c.workers) != 1 {
		t.Errorf("%d workers with one of another key", len(c.workers))
	}
}

// TestGiveUp: the server gives an architecture up that has ended meanwhile, that it has no scores of, or that nobody asked for. It has
// other tries after the first one.
func TestGiveUp(t *testing.T) {
	d := newDesk(t, 0)
	d.open(t)
	ended, open := &task{job: job{"a"}, done: make(chan struct{}), ended: true}, &task{job: job{"b"}, done: make(chan struct{}), place: 1002}
	d.mu.Lock()
	d.queued[1001], d.queued[1002] = ended, open
	d.mu.Unlock()
	giveUp := func(what string, place uint64, again bool, failed int) {
		t.Helper()
		d.giveUp(&nats.Msg{Data: fmt.Appendf(nil, `{"stream_seq": %d}`, place)})
		if _, got := d.members(); got != failed || open.again != again {
			t.Errorf("%s: %d have failed, want %d; in the queue of other tries %v, want %v", what, got, failed, open.again, again)
		}
	}
	giveUp("nobody asked for it", 1000, false, 0)
	giveUp("it has ended", 1001, false, 0)
	giveUp("the first try", 1002, true, 0)
	giveUp("the first try once more", 1002, true, 0)
	giveUp("the others", open.place, true, 1)
	giveUp("the others once more", open.place, true, 1)
	d.giveUp(&nats.Msg{Data: []byte("no event")})
	if !open.ended || open.err == nil {
		t.Errorf("the task has the error %v", open.err)
	}
}

func TestOtherParts(t *testing.T) {
	long := strings.Repeat("0", 20)
	for _, c := range []struct {
		ours, theirs search.Key
		want         string
	}{
		{search.Key{"a": "1", "b": "2"}, search.Key{"a": "1", "b": "2"}, ""},
		{search.Key{"a": "1", "b": "2"}, search.Key{"a": "1", "b": "3"}, "b (3, not 2)"},
		{search.Key{"b": "2", "a": "1"}, search.Key{"a": "3"}, "a (3, not 1); b (, not 2)"},
		{search.Key{"a": long}, search.Key{"a": "1"}, "a"},
		{search.Key{"a": "1"}, search.Key{"a": long}, "a"},
		{search.Key{"a": long[1:]}, search.Key{"a": "1"}, "a (1, not " + long[1:] + ")"},
	} {
		if got := strings.Join(otherParts(c.ours, c.theirs), "; "); got != c.want {
			t.Errorf("%v and %v: %q, want %q", c.ours, c.theirs, got, c.want)
		}
	}
}

func TestTokens(t *testing.T) {
	for length, good := range map[int]bool{0: false, shortestToken - 1: false, shortestToken: true, longestToken: true, longestToken + 1: false} {
		if err := CheckToken(strings.Repeat("x", length)); (err == nil) != good {
			t.Errorf("%d characters: %v", length, err)
		}
	}
	if token := NewToken(); CheckToken(token) != nil || token == NewToken() {
		t.Errorf("a drawn token is %q", token)
	}
}

// TestServerKey: a worker takes the certificate with the key of its token, and no other.
func TestServerKey(t *testing.T) {
	token := NewToken()
	state := func(token string) tls.ConnectionState {
		c, err := serverTLS(token)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := x509.ParseCertificate(c.Certificates[0].Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return tls.ConnectionState{PeerCertificates: []*x509.Certificate{shown}}
	}
	verify := workerTLS(token).VerifyConnection
	if err := verify(state(token)); err != nil {
		t.Error(err)
	}
	if err := verify(state(NewToken())); !errors.Is(err, errOtherToken) {
		t.Errorf("the key of another token: %v", err)
	}
	other := state(token)
	other.PeerCertificates[0].PublicKey = "a key of another kind"
	if err := verify(other); !errors.Is(err, errOtherToken) {
		t.Errorf("a key of another kind: %v", err)
	}
	if key, err := keyOf(token); err != nil || len(key) != ed25519.PrivateKeySize {
		t.Errorf("%d bytes, %v", len(key), err)
	}
}

func TestPassingErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nats.ErrTimeout, true}, {nats.ErrNoResponders, true}, {nats.ErrDisconnected, true}, {nats.ErrReconnectBufExceeded, true},
		{context.DeadlineExceeded, true}, {errAbsent, true}, {fmt.Errorf("wrapped: %w", errAbsent), true},
		{jetstream.ErrNoStreamResponse, true}, {jetstream.ErrConsumerLeadershipChanged, true}, {jetstream.ErrServerShutdown, true}, {jetstream.ErrNoHeartbeat, true},
		{&jetstream.APIError{Code: 503}, true}, {&jetstream.APIError{Code: 500, ErrorCode: notLeader}, true}, {&jetstream.APIError{Code: 500}, false},
		{errors.New("another"), false}, {nats.ErrAuthorization, false}, {context.Canceled, false}, {jetstream.ErrConsumerNotFound, false},
	} {
		if passing(c.err) != c.want {
			t.Errorf("%v passes by itself: %v", c.err, !c.want)
		}
	}
	for _, err := range []error{jetstream.ErrConsumerDeleted, jetstream.ErrConsumerNotFound, jetstream.ErrStreamNotFound} {
		if !gone(fmt.Errorf("wrapped: %w", err)) {
			t.Errorf("%v: the queue is not taken for removed", err)
		}
	}
	if gone(nats.ErrTimeout) {
		t.Error("a queue that does not answer is taken for removed")
	}
	for _, c := range []struct {
		err  error
		want bool
	}{{nats.ErrNoServers, true}, {nats.ErrTimeout, true}, {&net.OpError{Op: "dial"}, true}, {&net.OpError{Op: "read"}, false}, {errOtherToken, false}} {
		if nobody(c.err) != c.want {
			t.Errorf("%v: nobody listens there: %v", c.err, !c.want)
		}
	}
}

func TestPlaces(t *testing.T) {
	for where, good := range map[string]bool{
		"nats://host:4222": true, "host:4222": true, "nats://host:1": true, "nats://host:65535": true, "nats://host:0": false, "nats://host:65536": false,
		"nats://host": false, "host": false, "tls://host:4222": false, "nats://:4222": false, "": false, "nats://ho st:1": false,
	} {
		if err := checkPlace(where); (err == nil) != good {
			t.Errorf("--join %q: %v", where, err)
		}
	}
	for where, good := range map[string]bool{
		"nats://localhost": true, "nats://localhost:0": false, "nats://localhost:65536": false, "tls://far.example": true, "http://localhost:1": false, "nats://:4222": false,
		"tls://a:1, tls://b:1": true, "tls://a:1,": false,
	} {
		if err := checkURL(where); (err == nil) != good {
			t.Errorf("--nats %q: %v", where, err)
		}
	}
	for address, want := range map[string]string{"127.0.0.1:65536": "the port must be 0…65535", "127.0.0.1:-1": "the port must be", "127.0.0.1": "HOST:PORT is needed", "127.0.0.1:http": "the port must be"} {
		if _, err := Serve(address, NewToken()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--listen %s: %v", address, err)
		}
	}
}

// TestCrewWithoutARun: a crew that has no run yet has no workers.
func TestCrewWithoutARun(t *testing.T) {
	var none *Crew
	for _, k := range []*Crew{none, {}} {
		if all, failed := k.Members(); len(all) != 0 || failed != 0 {
			t.Errorf("%v, %d", all, failed)
		}
	}
	if a := (&Crew{}).Address(); a != "" {
		t.Errorf("it listens at %s", a)
	}
}
