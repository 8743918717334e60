package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"bnas.example/indicator"
	"bnas.example/run"
	"bnas.example/search"
	"bnas.example/supernet"
)

// Coordinator gives the architectures of one run to workers. It is a run.Workers. Score is for one goroutine.
type Coordinator struct {
	link    *Link
	share   run.Share
	version string
	lease   time.Duration
	session session
	own     bool // workers of this machine will come, or an error: nobody else is waited for
	stream  jetstream.Stream
	queues  []jetstream.Consumer // of first tries, and of others
	files   jetstream.ObjectStore
	subs    []*nats.Subscription
	ctx     context.Context // ends Score
	cut     context.CancelCauseFunc
	life    context.Context // ends with Close
	stop    func()          // ends life

	mu      sync.Mutex
	jobs    map[string]*task // by architecture: begun and not yet asked for
	queued  map[uint64]*task // by place in the stream
	workers map[string]*member
	ended   int // architectures that were scored or have failed
	failed  int
	broken  error     // no worker can come any more
	bound   time.Time // from then on Score waits only while a worker is there; zero: it always waits
}

// task is an architecture in work.
type task struct {
	job
	place  uint64 // in the stream
	again  bool   // it had a first try
	done   chan struct{}
	ended  bool
	scores indicator.Scores
	err    error
	last   string // the error of the last try
}

// member is a worker that has proved itself.
type member struct {
	identity
	threads int
	scored  int
	seen    time.Time
}

// silent is how long ago its last sign of life was.
func (m *member) silent() time.Duration { return time.Since(m.seen) }

// Options are those of a coordinator.
type Options struct {
	Version string        // workers of another version are refused
	Lease   time.Duration // 0: 10 s
}

// Open puts a run on a server and waits for workers.
func Open(l *Link, share run.Share, o Options) (*Coordinator, error) {
	id := make([]byte, 8)
	rand.Read(id)
	c := &Coordinator{
		link: l, share: share, version: o.Version, lease: cmp.Or(o.Lease, farLease), session: session(hex.EncodeToString(id)),
		jobs: map[string]*task{}, queued: map[uint64]*task{}, workers: map[string]*member{},
	}
	c.ctx, c.cut = context.WithCancelCause(context.Background())
	c.life, c.stop = context.WithCancel(context.Background())
	if err := c.open(); err != nil {
		c.Close()
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return c, nil
}

func (c *Coordinator) open() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), start)
	defer cancel()
	if err := c.succeed(ctx); err != nil {
		return err
	}
	replicas, err := c.createStream(ctx)
	if err != nil {
		return err
	}
	for _, of := range []jetstream.ConsumerConfig{
		{Durable: consumer, FilterSubject: c.session.jobs(), MaxDeliver: 1},
		{Durable: againConsumer, FilterSubject: c.session.again(), MaxDeliver: Tries - 1},
	} {
		of.AckPolicy, of.AckWait, of.MaxAckPending = jetstream.AckExplicitPolicy, c.lease, -1
		queue, err := c.stream.CreateConsumer(ctx, of)
		if err != nil {
			return err
		}
		c.queues = append(c.queues, queue)
	}
	c.files, err = c.link.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket: c.session.files(), Storage: jetstream.MemoryStorage, Replicas: replicas, TTL: c.kept(),
	})
	if err == nil {
		err = c.putFiles(ctx)
	}
	if err != nil {
		return err
	}
	for subject, handle := range map[string]nats.MsgHandler{
		joinSubject: c.join, c.session.join(): c.join, c.session.ready(): c.prove, c.session.result(): c.take, c.session.alive(): c.hear,
		"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES." + c.session.stream() + ".*": c.giveUp,
	} {
		sub, err := c.link.conn.Subscribe(subject, handle)
		if err != nil {
			return err
		}
		c.subs = append(c.subs, sub)
	}
	if err := c.link.conn.FlushTimeout(answer); err != nil {
		return err
	}
	go c.watch(c.life)
	return nil
}

// putFiles puts what the workers need into the object store.
func (c *Coordinator) putFiles(ctx context.Context) error {
	for name, text := range c.share.Files {
		if _, err := c.files.PutBytes(ctx, name, text); err != nil {
			return fmt.Errorf("%s for the workers: %w", name, err)
		}
	}
	return nil
}

// createStream makes the stream of jobs. A cluster of three servers or more keeps it three times; other servers cannot, and keep it
// once.
func (c *Coordinator) createStream(ctx context.Context) (replicas int, err error) {
	for _, replicas = range []int{3, 1} {
		c.stream, err = c.link.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: c.session.stream(), Subjects: []string{c.session.jobs(), c.session.again()}, Retention: jetstream.WorkQueuePolicy,
			Storage: jetstream.MemoryStorage, Replicas: replicas,
		})
		var refused *jetstream.APIError
		if !errors.As(err, &refused) || refused.ErrorCode != noCluster && refused.ErrorCode != tooFewServers {
			break
		}
	}
	return replicas, err
}

// These are errors of a server that cannot keep a stream three times.
const (
	noCluster     jetstream.ErrorCode = 10074
	tooFewServers jetstream.ErrorCode = 10005
)

// Close tells the workers that there is no more work, and removes the session from the server.
func (c *Coordinator) Close() {
	c.cut(nil)
	c.stop()
	for _, sub := range c.subs {
		sub.Unsubscribe()
	}
	ctx, cancel := context.WithTimeout(context.Background(), answer)
	defer cancel()
	c.link.conn.Publish(c.session.end(), nil)
	if c.link.remove(ctx, c.session) == nil {
		c.forget()
	}
	c.link.conn.FlushTimeout(answer)
}

// join answers a process that asks for work.
func (c *Coordinator) join(m *nats.Msg) {
	var h hello
	reply := welcome{Session: c.session, Lease: c.lease, Files: slices.Sorted(maps.Keys(c.share.Files))}
	if err := decode(m.Data, &h); err != nil {
		reply.Refused = "this worker speaks otherwise than the coordinator: are both of one version?"
	} else if h.Version != c.version {
		reply.Refused = fmt.Sprintf("this worker is of version %s, the coordinator of %s", h.Version, c.version)
	}
	m.Respond(encode(reply))
}

// prove compares the key of a worker's scores with that of the session.
func (c *Coordinator) prove(m *nats.Msg) {
	var r ready
	var reply verdict
	if err := decode(m.Data, &r); err != nil {
		reply.Refused = err.Error()
	} else if names := otherParts(c.share.Key, r.Key); len(names) > 0 {
		reply.Refused = "its scores would be others: it differs in " + strings.Join(names, ", ")
	} else {
		c.mu.Lock()
		w := c.workers[r.Who.Name]
		if w == nil { // else it was cut off and is here again
			w = &member{identity: r.Who, threads: r.Threads}
			c.workers[r.Who.Name] = w
		}
		w.seen = time.Now()
		c.mu.Unlock()
	}
	m.Respond(encode(reply))
}

// otherParts lists the parts of a key that differ; short ones with both values.
func otherParts(ours, theirs search.Key) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		switch a, b := ours[name], theirs[name]; {
		case a == b:
		case len(a) < 20 && len(b) < 20:
			names = append(names, fmt.Sprintf("%s (%s, not %s)", name, b, a))
		default:
			names = append(names, name)
		}
	}
	return names
}

// hear notes a sign of life.
func (c *Coordinator) hear(m *nats.Msg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.workers[string(m.Data)]; w != nil {
		w.seen = time.Now()
	}
}

// take takes the scores of an architecture, or the error of a try.
func (c *Coordinator) take(m *nats.Msg) {
	var r result
	var reply verdict
	if err := decode(m.Data, &r); err != nil {
		reply.Refused = err.Error()
	} else if !c.settle(r) {
		reply.Refused = "this worker has not proved itself"
	}
	m.Respond(encode(reply))
}

// settle ends the task of a result. It is false if the result is of a worker that has not proved itself.
func (c *Coordinator) settle(r result) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.workers[r.Worker]
	if w == nil {
		return false
	}
	w.seen = time.Now()
	t := c.jobs[r.Arch]
	if t == nil || t.ended {
		return true // another worker was faster
	}
	if r.Error == "" {
		w.scored++
		c.end(t, r.Scores, nil)
	} else if t.last = r.Error; r.Try >= Tries {
		c.fail(t)
	}
	return true
}

// giveUp takes a message from its queue that was given to workers as often as it may be. Its task has other tries, or has failed.
func (c *Coordinator) giveUp(m *nats.Msg) {
	var event struct {
		Place uint64 `json:"stream_seq"`
	}
	if json.Unmarshal(m.Data, &event) != nil {
		return
	}
	c.mu.Lock()
	t := c.queued[event.Place]
	open := t != nil && !t.ended
	again := open && !t.again
	if again {
		t.again = true
	} else if open {
		c.fail(t)
	}
	c.mu.Unlock()
	if again {
		c.enqueue(c.life, t) // after an error watch does
	}
	ctx, cancel := context.WithTimeout(context.Background(), answer)
	defer cancel()
	c.stream.DeleteMsg(ctx, event.Place)
}

func (c *Coordinator) end(t *task, s indicator.Scores, err error) {
	t.scores, t.err, t.ended = s, err, true
	c.ended++
	close(t.done)
}

func (c *Coordinator) fail(t *task) {
	c.failed++
	why := cmp.Or(t.last, "each time its worker ended, or fell silent, before it answered")
	c.end(t, indicator.Scores{}, &search.FailedError{Arch: t.Arch, Tries: Tries, Err: errors.New(why)})
}

// Begin puts an architecture into the queue, unless it is there.
func (c *Coordinator) Begin(a supernet.Arch) error {
	_, err := c.begin(a)
	return err
}

func (c *Coordinator) begin(a supernet.Arch) (*task, error) {
	arch := c.share.Space.Format(a)
	c.mu.Lock()
	t := c.jobs[arch]
	if t != nil {
		c.mu.Unlock()
		return t, nil
	}
	t = &task{job: job{arch}, done: make(chan struct{})}
	c.jobs[arch] = t
	c.mu.Unlock()
	err := c.enqueue(c.ctx, t)
	if err != nil { // it is not in the queue: the next call puts it there
		c.mu.Lock()
		delete(c.jobs, arch)
		c.mu.Unlock()
	}
	return t, err
}

// enqueue puts a task into its queue.
func (c *Coordinator) enqueue(ctx context.Context, t *task) error {
	var ack *jetstream.PubAck
	name, queue := nuid.Next(), c.session.jobs() // the server drops a second copy
	c.mu.Lock()
	if t.again {
		queue = c.session.again()
	}
	c.mu.Unlock()
	err := steady(ctx, Outage, func(ctx context.Context) (err error) {
		ack, err = c.link.js.Publish(ctx, queue, encode(t.job), jetstream.WithMsgID(name))
		return err
	})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		return fmt.Errorf("the queue of architectures: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.queued, t.place)
	t.place = ack.Sequence
	c.queued[t.place] = t
	return nil
}

// Width keeps every worker that is there busy while the first architecture is waited for.
func (c *Coordinator) Width() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	lanes := 0
	for _, w := range c.workers {
		if w.silent() <= c.lease {
			lanes += w.threads
		}
	}
	return 2 * mostBatch * max(2, lanes)
}

// Until makes Score end soon after the context has ended.
func (c *Coordinator) Until(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut(nil)
	if c.ctx, c.cut = context.WithCancelCause(ctx); c.broken != nil {
		c.cut(c.broken)
	}
}

// Score waits for the scores of an architecture.
func (c *Coordinator) Score(a supernet.Arch) (indicator.Scores, error) {
	t, err := c.begin(a)
	if err != nil {
		return indicator.Scores{}, err
	}
	if err := c.await(t); err != nil {
		return indicator.Scores{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.jobs, t.Arch)
	delete(c.queued, t.place)
	return t.scores, t.err
}

// await waits for the end of a task.
func (c *Coordinator) await(t *task) error {
	for {
		select {
		case <-t.done:
			return nil
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		case <-c.late():
			if all, _ := c.members(); len(all) == 0 {
				return search.ErrAbandoned
			}
		}
	}
}

// Bound makes Score end with search.ErrAbandoned from a time on, if no worker is there. Workers that this process has started are
// replaced when they end: they are always waited for.
func (c *Coordinator) Bound(until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.own {
		c.bound = until
	}
}

// late fires after the bound, and then each lease; nil: there is no bound.
func (c *Coordinator) late() <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bound.IsZero() {
		return nil
	}
	return time.After(max(time.Until(c.bound), c.lease))
}

// has reports whether a process of this machine has proved itself as a worker.
func (c *Coordinator) has(process int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	host, _ := os.Hostname()
	for _, w := range c.workers {
		if w.Host == host && w.Process == process {
			return true
		}
	}
	return false
}

// members lists the workers that gave a sign of life within the lease, by host and process, and the number of architectures that
// have failed.
func (c *Coordinator) members() (all []run.Worker, failed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.workers {
		if silent := w.silent(); silent <= c.lease {
			all = append(all, run.Worker{Host: w.Host, Process: w.Process, Scored: w.scored, Silent: silent.Seconds()})
		}
	}
	slices.SortFunc(all, func(a, b run.Worker) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Process, b.Process))
	})
	return all, c.failed
}

// settled is the number of architectures that are done or have failed.
func (c *Coordinator) settled() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// breakOff ends Score with an error, now and later.
func (c *Coordinator) breakOff(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		c.broken = why
		c.cut(why)
	}
}
