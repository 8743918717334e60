//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hostile are names of folders that a shell or a terminal would read as something else.
var hostile = []string{"a b", "it's", "$(touch gone)", "`touch gone`", "a;b", "a&b", "a\"b", "*", "~", "-x", "ä", "a\\b", "#a", "a\nb", "!a"}

// TestPrintedCommandsAreQuoted gives the quoted words to a shell, which must print the words.
func TestPrintedCommandsAreQuoted(t *testing.T) {
	for _, word := range append(hostile, "", "plain/word-1.csv", cellArch) {
		out, err := exec.Command("sh", "-c", command("printf", "%s", word)).CombinedOutput()
		if err != nil || string(out) != word {
			t.Errorf("%q became %q, %v", word, out, err)
		}
	}
	if got := command("bnas", "train", "--resume", "runs/fair"); got != "bnas train --resume runs/fair" {
		t.Errorf("plain words are quoted: %s", got)
	}
}

// TestPrintedCommandsRun runs the commands that a run prints: the one that goes on, the next one, and that of the report. The
// folder has a space, a quote and a command in its name.
func TestPrintedCommandsRun(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	name := "it's a $(touch gone) run"
	tiny := strings.Fields(netFlags + " " + fewFlags + " --steps 4 --batch 4 --rank-every 0 --calibration 2 --max-evaluations 2")
	shell := func(line string) string {
		t.Helper()
		out, err := exec.Command("sh", "-c", line).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", line, err, out)
		}
		return string(out)
	}
	code, _, stderr := inProcess(append([]string{"run", "--out", name, "--max-time", "1ns"}, tiny...)...)
	if code != exitInterrupted {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	_, goOn, _ := strings.Cut(strings.TrimSpace(stderr), "; to go on: ")
	stdout := shell(goOn + " --max-time 0s --quiet")
	_, next, ok := strings.Cut(stdout, "next    ")
	if !ok {
		t.Fatalf("no next command: %s", stdout)
	}
	shell(strings.TrimSpace(next) + " --calibration-images 4 --quiet")
	if _, err := os.Stat("network.safetensors"); err != nil {
		t.Error(err)
	}
	page, err := os.ReadFile(filepath.Join(name, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	again := command("bnas", "run", "--config", filepath.Join(name, "config.yaml"), "--out", "another-folder")
	plain := strings.NewReplacer("&#39;", "'", "&amp;", "&", "&#34;", `"`).Replace(string(page))
	if !strings.Contains(plain, again) {
		t.Errorf("the report has no %s", again)
	}
	if _, err := os.Stat("gone"); err == nil {
		t.Error("a shell has run the command in the name of the folder")
	}
}

// TestRepeatingCommand: the command in a report does not tell where workers meet, nor their secret.
func TestRepeatingCommand(t *testing.T) {
	app := newApp(os.Stdout, os.Stderr)
	for line, want := range map[string]string{
		"bnas search --run a --top 3":                                                     "bnas search --run a --top 3",
		"bnas search --listen h:1 --token secret --run a --workers 2":                     "bnas search --run a --workers 2",
		"bnas search --run a --nats=tls://secret@h:1 --token=secret --max-macs 1M --json": "bnas search --run a --max-macs 1M --json",
	} {
		if got := repeatingCommand(app, strings.Fields(line)); got != want {
			t.Errorf("%s: %s", line, got)
		}
	}
}
