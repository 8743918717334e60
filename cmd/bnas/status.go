package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"bnas.example/cluster"
	"bnas.example/internal/wholefile"
	"bnas.example/run"
)

// statusName is the file of a folder in which a search or a scoring says how far it is. It is there while the command works.
const statusName = "status.json"

const (
	statusEvery = time.Second      // between two writings
	silence     = 10 * time.Second // after which the command counts as ended
)

// status is the state of a search or a scoring.
type status struct {
	Host    string           `json:"host"`
	Process int              `json:"process"`
	Phase   string           `json:"phase"`
	Done    int              `json:"done"`
	Total   int              `json:"total"` // 0: unknown
	Failed  int              `json:"failed"`
	Rate    float64          `json:"per_second"` // of this phase
	Left    float64          `json:"seconds_left"`
	Updated time.Time        `json:"updated"`
	Workers []cluster.Member `json:"workers"`
}

// board writes the status of a command into a folder from time to time. A nil board writes nothing.
type board struct {
	path  string
	crew  *cluster.Crew
	mu    sync.Mutex
	now   status
	since time.Time // the start of the phase
	first int       // what was done then
	ended chan struct{}
}

// at notes how far the command is. The first call begins the writing: the folder then belongs to this process.
func (b *board) at(phase string, done, total int) {
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
		b.since, b.first = time.Now(), done
	}
	b.now.Phase, b.now.Done, b.now.Total = phase, done, total
}

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
	s.Rate = float64(s.Done-b.first) / max(time.Since(b.since).Seconds(), 1e-9)
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
		Name: "status", Usage: "how far the search or the scoring is that works in a folder", ArgsUsage: "DIR",
		Flags:       append(outputFlags(), &cli.BoolFlag{Name: "watch", Usage: "show it every two seconds, until the work ends", Category: catCommand}),
		Description: "bnas status runs/fair",
		Action:      showStatus,
	}
}

// watchEvery is the time between two views of --watch.
const watchEvery = 2 * time.Second

func showStatus(c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("status takes one argument, the folder of a run or of scores; got %d", c.NArg())
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
		s, err := readStatus(dir)
		if err == nil {
			err = output(c, statusResult{dir, s}, func(w io.Writer) { statusTable(w, dir, s) })
		}
		if err != nil || s == nil || !c.Bool("watch") {
			return err
		}
		select {
		case <-c.Context.Done():
			return nil
		case <-time.After(watchEvery):
		}
	}
}

type statusResult struct {
	Dir  string  `json:"dir"`
	Work *status `json:"work"` // null: no command works there
}

// readStatus reads the status in a folder; nil: no command works there.
func readStatus(dir string) (*status, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, statusName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var s status
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, statusName), err)
	}
	if time.Since(s.Updated) > silence {
		return nil, nil // it was killed
	}
	return &s, nil
}

func statusTable(w io.Writer, dir string, s *status) {
	if s == nil {
		if run.InUse(dir) {
			fmt.Fprintf(w, "no search and no scoring works in %s yet: another command of bnas does; bnas runs show %s\n", dir, quote(dir))
			return
		}
		fmt.Fprintf(w, "no search and no scoring works in %s\n", dir)
		return
	}
	of, left := "", "time left unknown"
	if s.Total > 0 {
		of = fmt.Sprintf(" of %d", s.Total)
	}
	if s.Left > 0 || s.Total > 0 && s.Done >= s.Total {
		left = fmt.Sprint(wall(s.Left).Round(time.Second), " left")
	}
	fmt.Fprintf(w, "%s\t%d%s\t%.1f/s\t%s\tfailed %d\tprocess %d on %s\n", s.Phase, s.Done, of, s.Rate, left, s.Failed, s.Process, s.Host)
	if len(s.Workers) == 0 {
		return
	}
	fmt.Fprintf(w, "\nWORKER\tPROCESS\tSCORED\tLAST SIGN\n")
	for _, m := range s.Workers {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.1f s ago\n", m.Host, m.Process, m.Scored, m.Silent)
	}
}
