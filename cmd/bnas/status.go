package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"bnas.example/cluster"
	"bnas.example/internal/wholefile"
	"bnas.example/run"
)

// statusEvery is the time between two writings of a status.
const statusEvery = time.Second

// board writes how far a command is into a folder, from time to time. A nil board writes nothing.
type board struct {
	path  string
	crew  *cluster.Crew
	mu    sync.Mutex
	now   run.Status
	since time.Time // when the phase began to compute
	first int       // what was done when it began
	known int       // of Done, taken from the ledger in this phase
	ended chan struct{}
}

// boardIn returns the board of a folder. crew are the workers of the command; nil: it has none.
func boardIn(dir string, crew *cluster.Crew) *board {
	return &board{path: filepath.Join(dir, run.StatusName), crew: crew}
}

// at notes how far the command is. known of what is done was taken from the ledger in this phase. The first call begins the writing: the
// folder then belongs to this process.
func (b *board) at(phase string, done, total, known int) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended == nil {
		b.ended = make(chan struct{})
		b.now.Host, _ = os.Hostname()
		b.now.Process = os.Getpid()
		go b.keep()
	}
	if phase != b.now.Phase {
		b.first, b.known = done-known, 0
	}
	if b.now.Phase, b.now.Done, b.now.Total, b.known = phase, done, total, known; b.computed() <= 0 {
		b.since = time.Now()
	}
}

// computed is how much this phase has computed.
func (b *board) computed() int { return b.now.Done - b.first - b.known }

// keep writes until the end.
func (b *board) keep() {
	t := time.NewTicker(statusEvery)
	defer t.Stop()
	for ok := true; ok; ok = b.write() {
		select {
		case <-b.ended:
			return
		case <-t.C:
		}
	}
}

// write writes the status. It ends at an error: a disk that is full is the ledger's matter.
func (b *board) write() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.ended:
		return false
	default:
	}
	s := &b.now
	s.Updated = time.Now()
	s.Rate = float64(b.computed()) / max(time.Since(b.since).Seconds(), 1e-9)
	s.Left = 0
	if s.Rate > 0 && s.Total > s.Done {
		s.Left = float64(s.Total-s.Done) / s.Rate
	}
	s.Workers, s.Failed = b.crew.Members()
	text, err := json.Marshal(s)
	return err == nil && wholefile.Write(b.path, append(text, '\n')) == nil
}

// end removes the status.
func (b *board) end() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended != nil {
		close(b.ended)
		os.Remove(b.path)
	}
}

func statusCommand() *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "how far the training, the search, the scoring or the study is that works in a folder", ArgsUsage: "DIR",
		Flags:       append(outputFlags(), &cli.BoolFlag{Name: "watch", Usage: "show it every two seconds, until the work ends; with --json an object each time", Category: catCommand}),
		Description: "bnas status runs/fair",
		Action:      showStatus,
	}
}

// watchEvery is the time between two views of --watch.
const watchEvery = 2 * time.Second

func showStatus(c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("status takes one argument, the folder of a run, of scores or of a study; got %d", c.NArg())
	}
	if err := beforeWork(); err != nil {
		return err
	}
	if c.Bool("watch") { // Ctrl-C is its end
		if err := serving(c); err != nil {
			return err
		}
	}
	dir := c.Args().First()
	for {
		s, err := statusOf(dir)
		if err == nil {
			err = output(c, statusResult{dir, s}, func(w io.Writer) { statusTable(w, dir, s) })
		}
		if err != nil || !c.Bool("watch") || !atWork(dir, s) {
			return err
		}
		select {
		case <-c.Context.Done():
			return nil
		case <-time.After(watchEvery):
		}
	}
}

// atWork reports whether a command works in a folder. One that has just begun, or is between two phases, has no status.
func atWork(dir string, s *run.Status) bool { return s != nil || run.InUse(dir) }

type statusResult struct {
	Dir  string      `json:"dir"`
	Work *run.Status `json:"work"` // null: no command works there
}

// statusOf reads the status in a folder that must be there; nil: no command works there.
func statusOf(dir string) (*run.Status, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	return run.ReadStatus(dir)
}

func statusTable(w io.Writer, dir string, s *run.Status) {
	if s == nil {
		if run.InUse(dir) {
			fmt.Fprintf(w, "a command of bnas works in %s, and has not yet said how far it is\n", dir)
			return
		}
		fmt.Fprintf(w, "no command of bnas works in %s\n", dir)
		return
	}
	of, left := "", "time left unknown"
	if s.Total > 0 {
		of = fmt.Sprintf(" of %d", s.Total)
	}
	if s.Left > 0 || s.Total > 0 && s.Done >= s.Total {
		left = fmt.Sprint(wall(s.Left).Round(time.Second), " left")
	}
	fmt.Fprintf(w, "%s\t%d%s\t%.3g/s\t%s\tfailed %d\tprocess %d on %s\n", s.Phase, s.Done, of, s.Rate, left, s.Failed, s.Process, s.Host)
	if len(s.Workers) == 0 {
		return
	}
	fmt.Fprintf(w, "\nWORKER\tPROCESS\tSCORED\tLAST SIGN\n")
	for _, m := range s.Workers {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.1f s ago\n", m.Host, m.Process, m.Scored, m.Silent)
	}
}
