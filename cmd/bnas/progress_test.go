//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"
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
