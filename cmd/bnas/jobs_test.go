//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bnas.example/run"
)

// A job is a command that the tests of reliability run in a process of its own, disturb and resume.
type job struct {
	name          string
	start, resume string   // command lines, without the program; DIR is the folder
	trained       bool     // the folder has a trained supernet before the job starts
	files         []string // must not depend on disturbances
}

const (
	trainWork  = netFlags + " --steps 40 --batch 4 --checkpoint-every 3 --metrics-every 2 --quiet"
	finalWork  = "--composite params --strategy random --max-evaluations 4 --finalists 2 --finalist-epochs 2 --holdout 7000 --quiet"
	searchWork = fewFlags + " --calibration 5 --max-evaluations 10 --quiet"
)

var (
	mainJob = job{
		name: "run", start: "run --out DIR --rank-every 10 " + trainWork + " " + searchWork, resume: "run --resume DIR --quiet",
		files: []string{"checkpoint", "scores.csv", run.ResultName},
	}
	jobs = []job{
		mainJob,
		{name: "train", start: "train --out DIR --rank-every 0 " + trainWork, resume: "train --resume DIR --quiet", files: []string{"checkpoint"}},
		{name: "search", start: "search --run DIR " + searchWork, resume: "search --run DIR " + searchWork, trained: true, files: []string{"scores.csv", run.ResultName}},
		{name: "workers", start: "search --run DIR --workers 2 " + searchWork, resume: "search --run DIR --workers 3 " + searchWork, trained: true, files: []string{"scores.csv", run.ResultName}},
		{name: "finalists", start: "search --run DIR " + finalWork, resume: "search --run DIR " + finalWork, trained: true, files: []string{run.ResultName}},
		{name: "score", start: "score --run DIR --sample 12 --quiet " + fewFlags, resume: "score --run DIR --sample 12 --quiet " + fewFlags, trained: true, files: []string{"scores.csv"}},
	}
)

// folder returns a folder in which the job can start. It must not exist if the job makes it.
func (j job) folder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	if j.trained {
		if text, err := exec.Command("bnas", strings.Fields("train --out "+dir+" --rank-every 0 --threads 1 "+trainWork)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	return dir
}

// line returns the arguments that start the job in dir, or resume it if it has started there.
func (j job) line(dir string, threads int) []string {
	line := j.start
	if _, err := os.Stat(filepath.Join(dir, run.ConfigName)); err == nil {
		line = j.resume
	}
	return append(strings.Fields(strings.ReplaceAll(line, "DIR", dir)), "--threads", fmt.Sprint(threads))
}

// command returns the command of line. tool, if any, runs it.
func (j job) command(dir string, threads int, tool ...string) *exec.Cmd {
	words := append(append(tool, "bnas"), j.line(dir, threads)...)
	return exec.Command(words[0], words[1:]...)
}

// finish runs the job in dir to its end.
func (j job) finish(t *testing.T, dir string) outcome {
	t.Helper()
	if text, err := j.command(dir, 1).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return j.outcome(t, dir)
}

// outcome holds the files of a finished job that must not depend on disturbances; of the result, the best networks and the finalists.
type outcome map[string]string

func (j job) outcome(t *testing.T, dir string) outcome {
	t.Helper()
	o := outcome{}
	for _, name := range j.files {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if name == run.ResultName {
			var result struct {
				Best      json.RawMessage
				Answer    int
				Finalists []struct {
					Arch     string
					Accuracy float64 `json:"validation_accuracy"`
					NLL      float64 `json:"validation_nll"`
				}
			}
			if err := json.Unmarshal(text, &result); err != nil {
				t.Fatal(err)
			}
			text = fmt.Appendf(result.Best, "%d %v", result.Answer, result.Finalists)
		}
		if len(text) == 0 {
			t.Fatalf("%s: nothing to compare", name)
		}
		o[name] = string(text)
	}
	return o
}

func (o outcome) compare(t *testing.T, want outcome) {
	t.Helper()
	for name := range want {
		if o[name] != want[name] {
			t.Errorf("%s is not that of an undisturbed job", name)
		}
	}
}

// longSearch is the search of an architecture number n.
func longSearch(t *testing.T, n int) job {
	t.Helper()
	for _, j := range jobs {
		if j.name == "search" {
			few := "--max-evaluations 10"
			if !strings.Contains(j.resume, few) {
				t.Fatal("the search has another length")
			}
			many := fmt.Sprint("--generations 1000 --max-evaluations ", n)
			j.start, j.resume = strings.Replace(j.start, few, many, 1), strings.Replace(j.resume, few, many, 1)
			return j
		}
	}
	t.Fatal("there is no search")
	return job{}
}

// toDisturb returns the search of an architecture number n, a folder where it can start, and what it gives undisturbed.
func toDisturb(t *testing.T, n int) (j job, dir string, want outcome) {
	t.Helper()
	j = longSearch(t, n)
	finished := j.folder(t)
	dir = copyOf(t, finished)
	return j, dir, j.finish(t, finished)
}

// copyOf copies a run folder.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return copied
}

// linesOf counts the lines of the ledger in a folder.
func linesOf(dir string) int {
	text, _ := os.ReadFile(filepath.Join(dir, "scores.csv"))
	return bytes.Count(text, []byte("\n"))
}
