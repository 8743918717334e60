package main

import (
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

const (
	plainEvery = 10 * time.Second       // between plain lines of progress if stderr is not a terminal
	drawEvery  = 100 * time.Millisecond // between drawings on a terminal
)

// progress shows the progress of long work: one line with rate and remaining time on a terminal, otherwise a plain line
// from time to time. With --quiet it shows nothing.
type progress struct {
	what   string
	total  int
	start  time.Time
	first  int // work of earlier runs; it does not count for the rate
	begun  bool
	screen *console // nil: not a terminal
	quiet  bool
	last   time.Time
	clock  func() time.Time
}

func newProgress(c *cli.Context, what string, total int) *progress {
	p := &progress{what: what, total: total, quiet: c.Bool("quiet"), clock: time.Now}
	p.start = p.clock()
	p.last = p.start
	if screen, ok := c.App.ErrWriter.(*console); ok && !p.quiet && widthOf(screen) > 0 {
		p.screen = screen
	}
	return p
}

// of sets the total when it becomes known.
func (p *progress) of(total int) {
	if total > 0 {
		p.total = total
	}
}

// at shows that done of the total is done. note is the state in a few words.
func (p *progress) at(done int, note string) {
	if p.quiet {
		return
	}
	first := !p.begun
	if first {
		p.begun, p.first = true, max(done-1, 0)
	}
	now := p.clock()
	every := plainEvery
	if p.screen != nil {
		every = drawEvery
	}
	if now.Sub(p.last) < every && done < p.total && !(first && p.screen != nil) {
		return
	}
	p.last = now
	if p.screen != nil {
		p.screen.line(p.line(done, note, widthOf(p.screen)-1)) // the last column would move the cursor to the next line
		return
	}
	slog.Info(p.what, "done", done, "of", p.total, "rate", p.rate(done), "left", p.left(done), "state", note)
}

// barWidth is the width of the bar, which a terminal of at least barFrom columns has.
const barWidth, barFrom = 20, 80

// line is the line of progress, at most the given number of columns wide.
func (p *progress) line(done int, note string, columns int) string {
	share := float64(done) / float64(max(p.total, done, 1))
	parts := []string{p.what}
	if columns >= barFrom-1 {
		full := int(math.Round(share * barWidth))
		parts = append(parts, "["+strings.Repeat("=", full)+strings.Repeat(" ", barWidth-full)+"]")
	}
	parts = append(parts, fmt.Sprintf("%d/%d", done, p.total), fmt.Sprintf("%.0f %%", 100*share), p.left(done).String()+" left", p.rate(done), note)
	return cut(strings.Join(parts, "  "), columns)
}

func (p *progress) rate(done int) string { return fmt.Sprintf("%.1f/s", p.perSecond(done)) }

func (p *progress) perSecond(done int) float64 {
	return float64(done-p.first) / max(p.clock().Sub(p.start).Seconds(), 1e-9)
}

// left is the time until the end, at the rate so far.
func (p *progress) left(done int) time.Duration {
	seconds := float64(max(p.total-done, 0)) / max(p.perSecond(done), 1e-9)
	return time.Duration(min(seconds, 1e9)) * time.Second
}

// end clears the line.
func (p *progress) end() {
	if p.screen != nil {
		p.screen.line("")
	}
}
