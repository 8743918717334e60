package cluster

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"time"

	"bnas.example/indicator"
	"bnas.example/search"
)

const (
	// Tries is how often an architecture is given to a worker before it counts as failed.
	Tries = 5
	// A worker without a sign of life for the lease loses its architectures. That of a worker on this machine is shorter: between
	// them there is no network that can be slow.
	localLease, farLease = 2 * time.Second, 10 * time.Second
	// answer is how long a request waits for its reply.
	answer = 5 * time.Second
	// batchTime is the work that a worker takes at a time, if one architecture takes less. mostBatch bounds the number.
	batchTime = 50 * time.Millisecond
	mostBatch = 8
	// lookAgain is how long a worker without work waits before it looks for an architecture that had a try already.
	lookAgain = 250 * time.Millisecond
)

const (
	joinSubject = "bnas.join"
	// An architecture whose first try had no scores is tried again while its worker has nothing else: one that ends a worker takes no
	// others along in every try.
	consumer, againConsumer = "workers", "again"
)

// session names the subjects and stores of one coordinator.
type session string

func (s session) join() string   { return "bnas." + string(s) + ".join" }
func (s session) jobs() string   { return "bnas." + string(s) + ".job" }
func (s session) again() string  { return "bnas." + string(s) + ".again" }
func (s session) ready() string  { return "bnas." + string(s) + ".ready" }
func (s session) result() string { return "bnas." + string(s) + ".result" }
func (s session) alive() string  { return "bnas." + string(s) + ".alive" }
func (s session) end() string    { return "bnas." + string(s) + ".end" }
func (s session) stream() string { return "BNAS_" + string(s) }
func (s session) files() string  { return "bnas_" + string(s) }

// identity is who a worker is.
type identity struct {
	Name    string // unique in a session
	Host    string
	Process int
}

// hello asks for work.
type hello struct {
	Who     identity
	Version string
}

// welcome answers hello: a session, and the reason against it, if there is one.
type welcome struct {
	Refused string
	Session session
	Files   []string
	Lease   time.Duration
}

// ready proves that the worker gives the scores of the session.
type ready struct {
	Who     identity
	Key     search.Key
	Threads int // the most architectures that it scores at a time
}

// verdict answers ready and result.
type verdict struct{ Refused string }

// job is an architecture to score.
type job struct{ Arch string }

// result has the scores of an architecture, or the error of a try.
type result struct {
	Worker string
	Arch   string
	Scores indicator.Scores
	Error  string
	Try    int // from 1
}

// encode writes a message. Floats keep their bits.
func encode(message any) []byte {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(message); err != nil {
		panic(err) // a message has a type that gob does not know: every test finds it
	}
	return b.Bytes()
}

// decode reads a message.
func decode(text []byte, message any) error {
	if err := gob.NewDecoder(bytes.NewReader(text)).Decode(message); err != nil {
		return fmt.Errorf("cluster: a message cannot be read: %w", err)
	}
	return nil
}
