package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"bnas.example/internal/wholefile"
)

// A coordinator that is killed leaves its session on a server that goes on without it: the queue, and the files for the workers. The next
// coordinator of the same folder removes it at once; any other on the server, when it has been silent for abandoned. Where none comes,
// the files are gone after unused, and what is left are two empty streams and the architectures that were in the queue.
const (
	abandoned = 2 * Outage // longer than a coordinator goes on without the server
	unused    = time.Hour
)

// SessionName is the file of a folder with the session of the coordinator that works there, if its server is a shared one.
const SessionName = ".session"

var sessionText = regexp.MustCompile(`^[0-9a-f]{16}$`)

// kept is how long the server keeps a file for the workers that is not put again; 0: without end.
func (c *Coordinator) kept() time.Duration {
	if c.link.shared {
		return unused
	}
	return 0
}

// succeed removes the session that a coordinator of the same folder has left, and notes this one. The folder is locked: no coordinator
// works there.
func (c *Coordinator) succeed(ctx context.Context) error {
	if !c.link.shared || c.share.Dir == "" {
		return nil
	}
	path := filepath.Join(c.share.Dir, SessionName)
	if left, err := wholefile.Read(path); err == nil && sessionText.Match(left) {
		if err := c.link.remove(ctx, session(left)); err != nil {
			return fmt.Errorf("what an earlier search has left on the server: %w", err)
		}
	}
	return wholefile.Write(path, []byte(c.session))
}

// forget removes the note of succeed.
func (c *Coordinator) forget() {
	path := filepath.Join(c.share.Dir, SessionName)
	if noted, err := wholefile.Read(path); err == nil && session(noted) == c.session {
		os.Remove(path)
	}
}

// remove removes a session from the server. One that is not there is no error.
func (l *Link) remove(ctx context.Context, s session) error {
	queue, files := l.js.DeleteStream(ctx, s.stream()), l.js.DeleteObjectStore(ctx, s.files())
	if errors.Is(queue, jetstream.ErrStreamNotFound) {
		queue = nil
	}
	if errors.Is(files, jetstream.ErrStreamNotFound) || errors.Is(files, jetstream.ErrBucketNotFound) {
		files = nil
	}
	return errors.Join(queue, files)
}

// caretaker keeps the files of a coordinator on a shared server, and removes abandoned sessions.
type caretaker struct {
	*Coordinator
	put    time.Time             // when the files were put
	silent map[session]time.Time // since when no coordinator answers
}

// look does what is due.
func (k *caretaker) look(ctx context.Context, now time.Time) {
	if now.Sub(k.put) > unused/3 && k.putFiles(ctx) == nil {
		k.put = now
	}
	still := map[session]time.Time{}
	for name := range k.link.js.StreamNames(ctx).Name() {
		id, ok := strings.CutPrefix(name, session("").stream())
		s := session(id)
		if !ok || s == k.session || k.link.answers(ctx, s) {
			continue
		}
		since, known := k.silent[s]
		switch {
		case !known:
			since = now
		case now.Sub(since) > abandoned && k.link.remove(ctx, s) == nil:
			continue
		}
		still[s] = since
	}
	k.silent = still
}

// answers reports whether the coordinator of a session is there, as far as the server knows.
func (l *Link) answers(ctx context.Context, s session) bool {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	_, err := l.conn.RequestWithContext(ctx, s.ready(), nil)
	return !errors.Is(err, nats.ErrNoResponders)
}
