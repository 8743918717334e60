//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"

	"bnas.example/train"
)

// TestProgressNeverWraps runs a search and a scoring in pseudo-terminals of several widths. No line of progress is wider than
// the terminal, and none has an architecture.
func TestProgressNeverWraps(t *testing.T) {
	commands := map[string]string{
		"search": "search " + netFlags + " " + fewFlags + " --strategy random --max-evaluations 6 --calibration 2",
		"score":  "score " + netFlags + " " + fewFlags + " --sample 6",
	}
	for name, line := range commands {
		for _, columns := range []int{40, 80, 100} {
			drawn := progressLines(inTerminal(t, columns, line))
			if len(drawn) == 0 {
				t.Errorf("%s, %d columns: no progress", name, columns)
			}
			for _, d := range drawn {
				if w := utf8.RuneCountInString(d); w >= columns {
					t.Errorf("%s, %d columns: %d in %q", name, columns, w, d)
				}
				if strings.Contains(d, "~") {
					t.Errorf("%s, %d columns: an architecture in %q", name, columns, d)
				}
			}
		}
	}
}

// TestProgressOfCorrelate: what is being judged is shown, for a large table takes long.
func TestProgressOfCorrelate(t *testing.T) {
	t.Chdir(t.TempDir())
	scores, table := "arch,canonical,dead,macs,naswot\n", "arch,test_accuracy\n"
	for i, op := range []string{"nor_conv_3x3", "nor_conv_1x1", "skip_connect", "avg_pool_3x3"} {
		scores += fmt.Sprintf("%s,%s,false,%d,%d\n", edge(op), canonicalOf(t, edge(op)), i, -i)
		table += fmt.Sprintf("%s,%d\n", edge(op), i)
	}
	writeFiles(t, map[string]string{"scores.csv": scores, "table.csv": table})
	drawn := progressLines(inTerminal(t, 80, "correlate --scores scores.csv --table table.csv --resamples 1000000"))
	if !slices.ContainsFunc(drawn, func(d string) bool {
		return strings.Contains(d, "correlate  naswot") || strings.Contains(d, "correlate  macs")
	}) {
		t.Errorf("%q", drawn)
	}
}

// inTerminal runs bnas with stdout and stderr in a pseudo-terminal and returns what it wrote.
func inTerminal(t *testing.T, columns int, line string) string {
	t.Helper()
	cmd := exec.Command("bnas", strings.Fields(line)...)
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 25, Cols: uint16(columns)})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, terminal); err != nil && !errors.Is(err, syscall.EIO) { // EIO is the end of a terminal
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s: %v: %s", line, err, &b)
	}
	return b.String()
}

// progressLines returns the lines that were drawn and cleared again.
func progressLines(output string) (lines []string) {
	for _, part := range strings.SplitAfter(output, eraseLine) {
		if text, ok := strings.CutSuffix(part, eraseLine); ok && text != "" && !strings.Contains(text, "\n") {
			lines = append(lines, text)
		}
	}
	return lines
}

// TestDrawn: of a drawing the last text is kept, and cut to the terminal. The state stands last and is cut first.
func TestDrawn(t *testing.T) {
	for _, test := range []struct {
		drawing string
		columns int
		want    string
	}{
		{"\r  50% |==  | (100/200, 10 steps/s) [10s:10s] train  loss 2.3", 99, "50% |==  | (100/200, 10 steps/s) [10s:10s] train  loss 2.3"},
		{"\r      \r  50% |==  | (100/200)", 12, "50% |==  | …"},
		{"\r  1% | |\r  2% | |", 99, "2% | |"},
		{"\r        \r", 99, ""},
		{"\n", 99, ""},
		{"50%", 0, ""},
	} {
		if got := drawn(test.drawing, test.columns); got != test.want {
			t.Errorf("%q in %d columns: %q, want %q", test.drawing, test.columns, got, test.want)
		}
	}
}

// TestProgressOfSilentWork: before the first step is done, lines say what is being worked on. They come no more often than
// others, and end with the work.
func TestProgressOfSilentWork(t *testing.T) {
	var log bytes.Buffer
	logTo(&log, slog.LevelInfo, textLog)
	now := time.Unix(1e9, 0)
	p := &progress{what: "train", total: 9, clock: func() time.Time { return now }, ended: make(chan struct{}), last: now}
	after := func(d time.Duration, does func(), want string) {
		t.Helper()
		now = now.Add(d)
		does()
		log.Reset()
		if p.beat(); want == "" && log.Len() > 0 || !strings.Contains(log.String(), want) {
			t.Errorf("%q, want %q", &log, want)
		}
	}
	nothing := func() {}
	after(0, func() { p.doing("ranking: network 1 of 16") }, "")
	after(9*time.Second, nothing, "")
	after(2*time.Second, nothing, `msg=train done=0 of=9 "working on"="ranking: network 1 of 16" since=11s`)
	after(9*time.Second, func() { p.doing("") }, "")
	after(3*time.Second, nothing, `"working on"="step 1" since=3s`)
	after(2*time.Second, func() { p.at(1, "loss 2.3") }, "")
	if rate := p.perSecond(1); !(math.Abs(rate-.2) <= 1e-9) {
		t.Errorf("%v steps a second: the ranking counts", rate)
	}
	after(11*time.Second, nothing, `done=1 of=9 "working on"="step 2" since=11s`)
	after(11*time.Second, p.end, "")
}

// TestProgressOfKnownWork: scores that were in the ledger count neither for the rate nor for the time that is left.
func TestProgressOfKnownWork(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := &progress{what: "score", total: 1000, clock: func() time.Time { return now }, start: now}
	seen := func(after time.Duration, done, known int, rate, left string) {
		t.Helper()
		now = now.Add(after)
		p.reused(known)
		if p.at(done, ""); p.rate(done) != rate || p.left(done) != left {
			t.Errorf("%d done, %d of them known: %s, %s left; want %s, %s", done, known, p.rate(done), p.left(done), rate, left)
		}
	}
	for i := range 800 {
		seen(time.Millisecond, i+1, i+1, "0.0/s", "unknown")
	}
	for i := range 10 {
		seen(time.Second, 801+i, 800, "1.0/s", (time.Duration(199-i) * time.Second).String())
	}
	seen(0, 1000, 990, "1.0/s", "0s")
}

// TestSlowFirstStep: a first step of more than ten seconds, with the ranking before it, is told once with what makes it faster.
func TestSlowFirstStep(t *testing.T) {
	for _, test := range []struct {
		ranking, step time.Duration
		resumed       bool
		want          []string // none: no line
	}{
		{time.Second, time.Second, false, nil},
		{0, 11 * time.Second, false, []string{"step=11s", `take about"=1m39s`, "--height and --width, --channels, --batch, or a GPU"}},
		{100 * time.Second, 5 * time.Second, false, []string{`before it"=1m40s`, "--rank-every 0 leaves out the ranking"}},
		{0, 11 * time.Second, true, []string{"a GPU; a new run"}},
	} {
		var log bytes.Buffer
		logTo(&log, slog.LevelInfo, textLog)
		now := time.Unix(1e9, 0)
		s := slowness{from: now}
		s.ranked(0, now)
		now = now.Add(test.ranking)
		s.ranked(1, now)
		now = now.Add(test.step)
		s.stepped(train.Progress{Step: 1, Total: 10}, now, test.resumed)
		s.stepped(train.Progress{Step: 2, Total: 10}, now.Add(time.Hour), test.resumed)
		if got := strings.Count(log.String(), "\n"); got != min(len(test.want), 1) {
			t.Errorf("%+v: %d lines: %s", test, got, &log)
		}
		for _, want := range test.want {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%q has no %q", &log, want)
			}
		}
	}
}
