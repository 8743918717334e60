//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestControlCharactersNeverReachTheTerminal puts an escape sequence into names of files, folders, flags and arguments. No
// control character comes out, and an error stays one line.
func TestControlCharactersNeverReachTheTerminal(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	evil := "a\x1b]0;title\x07\x1b[2J\u009b31m\x7f\xff\u202eb"
	if err := os.Mkdir(evil, 0o777); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(evil, "x.csv")
	if err := os.WriteFile(file, []byte("arch\nx\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	tiny := strings.Fields("--channels 2 --cells 1 --height 8 --width 8")
	for _, args := range [][]string{
		{evil}, {"--" + evil}, {"train", "--" + evil}, {"train", "--device", evil}, {"train", "--data-dir", evil, "--data", "cifar10"},
		{"train", "--lr", evil}, {"train", "--resume", evil}, {"train", "--config", evil}, {"train", "--config", file},
		{"score", evil}, {"score", "--run", evil, "all3x3"}, {"score", "--columns", evil, "all3x3"},
		{"correlate", "--scores", file, "--table", file}, {"correlate", "--scores", evil, "--table", file},
		{"space", "show", evil}, {"export", "all3x3", "-o", filepath.Join(evil, "no", "x")},
		append([]string{"export", "all3x3", "-o", filepath.Join(evil, "net")}, tiny...),
		append([]string{"export", "all3x3", "--json", "-o", filepath.Join(evil, "net")}, tiny...),
		{"train", "--out", file}, {"bench", "step", "--arch", evil}, {"help", evil}, {"doctor", evil}, {"train", "--lr", "a\nb\rc"},
	} {
		code, stdout, stderr := inProcess(args...)
		for _, text := range []string{stdout, stderr} {
			if strings.ContainsFunc(text, commands) {
				t.Errorf("%q: exit code %d: %q", args, code, text)
			}
		}
		last := stderr[strings.LastIndex(strings.TrimSuffix(stderr, "\n"), "\n")+1:]
		if code != exitOK && !strings.HasPrefix(last, "bnas: ") {
			t.Errorf("%q: the last line is no error: %q", args, stderr)
		}
		if strings.Contains(strings.Join(args, " "), "--json") {
			var v map[string]any
			if err := json.Unmarshal([]byte(stdout), &v); err != nil {
				t.Errorf("%q: %v", args, err)
			}
		}
	}
}

// TestPrintable: the escapes are those of JSON, and other text stays as it is.
func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain γ, β\tand\n": "plain γ, β\tand\n", "\x1b[0m": `\u001b[0m`, "\u009b": `\u009b`, "\xff": `\xff`, "a\rb": `a\u000db`, "\u202e": `\u202e`,
	} {
		if got := printable(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// TestLinesAfterProgress: other output clears the line of progress.
func TestLinesAfterProgress(t *testing.T) {
	var b bytes.Buffer
	o := &console{w: &b}
	o.line("1/2")
	o.Write([]byte("a log line\n"))
	o.line("2/2")
	o.line("")
	if want := eraseLine + "1/2" + eraseLine + "a log line\n" + eraseLine + "2/2" + eraseLine; b.String() != want {
		t.Errorf("%q, want %q", &b, want)
	}
}

// TestFullStdout: a result that cannot be written is a failure, and one line says so.
func TestFullStdout(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for _, args := range []string{"space list", "space list --json", "--help", "train --help", "help train", "--version", "version", "space show all3x3"} {
		var stderr bytes.Buffer
		code := execute(append([]string{"bnas"}, strings.Fields(args)...), full, &stderr)
		if code != exitFailure || strings.Count(stderr.String(), "\n") != 1 || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%s: exit code %d: %q", args, code, &stderr)
		}
	}
}
