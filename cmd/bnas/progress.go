package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// plainEvery is the time between plain lines of progress if stderr is not a terminal.
const plainEvery = 10 * time.Second

// progress shows the progress of long work: a bar with rate and remaining time on a terminal, otherwise a plain line from
// time to time. With --quiet it shows nothing.
type progress struct {
	what  string
	total int
	start time.Time
	first int // work of earlier runs; it does not count for the rate
	begun bool
	bar   *progressbar.ProgressBar
	quiet bool
	last  time.Time
	clock func() time.Time
}

func newProgress(c *cli.Context, what string, total int) *progress {
	p := &progress{what: what, total: total, quiet: c.Bool("quiet"), clock: time.Now}
	p.start = p.clock()
	p.last = p.start
	if !p.quiet && isTerminal(c.App.ErrWriter) {
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(c.App.ErrWriter),
			progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("steps"),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetWidth(24), progressbar.OptionClearOnFinish())
	}
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// of sets the total when it becomes known.
func (p *progress) of(total int) {
	if total > 0 && total != p.total {
		p.total = total
		if p.bar != nil {
			p.bar.ChangeMax(total)
		}
	}
}

// at shows that done of the total is done. note is the state in a few words.
func (p *progress) at(done int, note string) {
	if p.quiet {
		return
	}
	if !p.begun {
		p.begun, p.first = true, max(done-1, 0)
	}
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%s  %s", p.what, note))
		_ = p.bar.Set(done)
		return
	}
	now := p.clock()
	if now.Sub(p.last) < plainEvery && done < p.total {
		return
	}
	p.last = now
	rate := float64(done-p.first) / max(now.Sub(p.start).Seconds(), 1e-9)
	left := time.Duration(float64(p.total-done) / rate * float64(time.Second)).Round(time.Second)
	slog.Info(p.what, "done", done, "of", p.total, "rate", fmt.Sprintf("%.1f/s", rate), "left", left, "state", note)
}

// end clears the bar.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
