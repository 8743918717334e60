//go:build unix

package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"bnas.example/indicator"
)

// TestTablesFitTheTerminal: no line of a table is wider than the terminal, the architectures can be copied, and a line names
// the columns that are left out.
func TestTablesFitTheTerminal(t *testing.T) {
	score := "score " + netFlags + " " + fewFlags + " --terms all --sample 3 --seed 1"
	_, piped, _ := inProcess(strings.Fields(score + " --quiet")...)
	if lines := strings.Split(piped, "\n"); strings.Count(lines[1], "~") != 6 || len(strings.Fields(lines[0])) != len(indicator.TermNames())+1 {
		t.Fatalf("a pipe does not get the whole table: %s", piped)
	}
	for _, columns := range []int{40, 80, 100} {
		var rows []string
		said := false
		for _, line := range strings.Split(inTerminal(t, columns, score), "\n") {
			line = strings.TrimRight(line[strings.LastIndex(line, "\x1b[K")+1:], "\r")
			line = strings.TrimPrefix(line, "[K")
			said = said || strings.Contains(line, "left out")
			if strings.Contains(line, "ARCHITECTURE") || len(rows) > 0 && line != "" && !strings.HasPrefix(line, "level=") {
				rows = append(rows, line)
			}
		}
		if len(rows) != 4 || !said {
			t.Errorf("%d columns: rows %q, left out said: %t", columns, rows, said)
		}
		for _, row := range rows {
			if utf8.RuneCountInString(row) > columns {
				t.Errorf("%d columns: %q", columns, row)
			}
		}
		for _, row := range rows[1:] {
			fields := strings.Fields(row)
			arch := fields[len(fields)-1]
			if code, _, stderr := inProcess("space", "show", arch); code != exitOK {
				t.Errorf("%d columns: %q is no architecture: %s", columns, arch, stderr)
			}
		}
	}
}

// TestViewOfScores: --sort, --top and --columns choose the rows and columns of the table.
func TestViewOfScores(t *testing.T) {
	_, stdout, stderr := inProcess(strings.Fields("score " + netFlags + " " + fewFlags + " --terms params,macs --quiet 0,0,0,0,0,0 3,3,3,3,3,3 2,2,2,2,2,2 --sort params --top 2 --columns macs,params")...)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(lines) != 3 {
		t.Fatalf("%q %s", lines, stderr)
	}
	if got := strings.Fields(lines[0]); strings.Join(got, " ") != "macs params ARCHITECTURE" {
		t.Errorf("header %q", got)
	}
	if !strings.Contains(lines[1], "conv_3x3") || !strings.Contains(lines[2], "conv_1x1") || !strings.Contains(lines[1], " k ") {
		t.Errorf("rows %q", lines[1:])
	}
	_, stdout, _ = inProcess(strings.Fields("score " + netFlags + " " + fewFlags + " --terms params --quiet --sample 3 --top 1 --json")...)
	if strings.Count(stdout, `"arch"`) != 1 {
		t.Errorf("--top 1 --json has %s", stdout)
	}
}
