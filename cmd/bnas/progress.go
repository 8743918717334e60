package main

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"

	"bnas.example/run"
)

const (
	plainEvery = 10 * time.Second       // between plain lines of progress if stderr is not a terminal
	drawEvery  = 100 * time.Millisecond // between drawings on a terminal
)

// cellsPhase is the computing of the cells of a study.
const cellsPhase = "cells"

// correlatePhase is the judging of scores, one subset of the architectures after the other.
const correlatePhase = "correlate"

// progress shows the progress of long work: a bar with rate and remaining time on a terminal, otherwise a plain line from
// time to time. It shows what is being worked on even if the first part of the work takes long. With --quiet it shows nothing.
type progress struct {
	what   string
	total  int
	start  time.Time
	first  int // work of earlier runs; it does not count for the rate
	known  int // work that took no time, such as scores of the ledger; it does not count either
	begun  bool
	bar    *progressbar.ProgressBar // nil: not a terminal
	screen *console
	quiet  bool
	clock  func() time.Time
	ended  chan struct{}

	mu   sync.Mutex // of what follows
	last time.Time  // of a plain line
	done int
	work string // what is being worked on
	from time.Time
}

func newProgress(c *cli.Context, what string, total int) *progress {
	p := &progress{what: what, total: total, quiet: c.Bool("quiet"), clock: time.Now, ended: make(chan struct{})}
	p.start = p.clock()
	p.last = p.start
	if p.quiet {
		return p
	}
	if screen, ok := c.App.ErrWriter.(*console); ok && widthOf(screen) > 0 && c.String(logFlag.Name) != jsonLog {
		p.screen = screen
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(barWriter{screen}), progressbar.OptionSetWidth(barWidth(widthOf(screen))),
			progressbar.OptionSetDescription(what), progressbar.OptionShowDescriptionAtLineEnd(),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("steps"),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(drawEvery))
	}
	p.doing("")
	go p.beats()
	return p
}

// beats shows the state from time to time until the end.
func (p *progress) beats() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-p.ended:
			return
		case <-t.C:
			p.beat()
		}
	}
}

// beat shows what is being worked on, if no line was shown for a while.
func (p *progress) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.ended:
		return
	default:
	}
	if p.bar != nil {
		_ = p.bar.RenderBlank() // the time goes on
		return
	}
	now := p.clock()
	if now.Sub(p.last) < plainEvery {
		return
	}
	p.last = now
	slog.Info(p.what, "done", p.done, "of", p.total, "working on", p.work, "since", now.Sub(p.from).Round(time.Second))
}

// doing says what is being worked on; "" is the next part of the work. Before the first part is done, it restarts the clock of
// the rate.
func (p *progress) doing(work string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.from = p.clock(); !p.begun {
		p.start = p.from
	}
	if p.work = work; work == "" {
		p.work = fmt.Sprintf("%s %d", p.unit(), p.done+1)
	}
	if p.bar != nil {
		p.bar.Describe(p.what + "  " + p.work)
	}
}

// resumed sets the work that earlier runs have done.
func (p *progress) resumed(done int) {
	p.mu.Lock()
	p.done = done
	p.mu.Unlock()
	p.doing("")
}

// reused sets how much of the work took no time, such as scores that were in the ledger.
func (p *progress) reused(known int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = known
}

// unit is a part of the work.
func (p *progress) unit() string {
	if p.what == cellsPhase {
		return "cell"
	}
	if p.what == correlatePhase {
		return "subset"
	}
	if p.what == "train" || strings.HasPrefix(p.what, "retrain ") || strings.HasPrefix(p.what, run.Finals+" ") || strings.HasSuffix(p.what, " train") {
		return "step"
	}
	return "network"
}

// barWidth is the width of the bar on a terminal: narrow terminals have room for the figures alone.
func barWidth(columns int) int { return min(24, columns/4) }

// barWriter shows what the bar draws as the console's line of progress. It cuts the text to the width of the terminal.
type barWriter struct{ screen *console }

func (w barWriter) Write(b []byte) (int, error) {
	if text := drawn(string(b), widthOf(w.screen)-1); text != "" { // the last column would move the cursor to the next line
		w.screen.line(text)
	}
	return len(b), nil
}

// drawn returns the last text of a drawing, cut to a number of columns. The bar clears its line with blanks before.
func drawn(drawing string, columns int) string {
	text := strings.TrimRight(drawing, "\r\n ")
	return cut(strings.TrimSpace(text[strings.LastIndexByte(text, '\r')+1:]), columns)
}

// of sets the total when it becomes known.
func (p *progress) of(total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
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
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.from = done, p.clock()
	p.work = fmt.Sprintf("%s %d", p.unit(), done+1)
	if p.bar != nil {
		p.bar.Describe(p.what + "  " + note)
		_ = p.bar.Set(done)
		return
	}
	if !p.begun {
		p.begun, p.first = true, max(done-1, 0)
	}
	now := p.clock()
	if p.computed(done) <= 0 {
		p.start = now
	}
	if now.Sub(p.last) < plainEvery && done < p.total {
		return
	}
	p.last = now
	slog.Info(p.what, "done", done, "of", p.total, "rate", p.rate(done), "left", p.left(done), "state", note)
}

func (p *progress) rate(done int) string { return fmt.Sprintf("%.1f/s", p.perSecond(done)) }

func (p *progress) perSecond(done int) float64 {
	return float64(p.computed(done)) / max(p.clock().Sub(p.start).Seconds(), 1e-9)
}

// computed is the work that counts for the rate.
func (p *progress) computed(done int) int { return done - p.first - p.known }

// left is the time until the end, at the rate so far.
func (p *progress) left(done int) string {
	if done < p.total && p.computed(done) <= 0 {
		return "unknown"
	}
	seconds := float64(max(p.total-done, 0)) / max(p.perSecond(done), 1e-9)
	return (time.Duration(min(seconds, 1e9)) * time.Second).String()
}

// end clears the line. It can be called again.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.ended:
	default:
		close(p.ended)
	}
	if p.screen != nil {
		p.screen.line("")
	}
}
