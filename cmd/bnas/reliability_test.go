//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bnas.example/philox"
	"bnas.example/run"
)

// The tests of this file run the main job in processes of its own, disturb it, resume it, and compare the result with that of
// an undisturbed job. BNAS_LONG makes them long.

const mainJob = "run " + netFlags + " " + fewFlags + " --steps 40 --batch 4 --rank-every 10 --calibration 5 --max-evaluations 10" +
	" --checkpoint-every 3 --metrics-every 2 --quiet"

// job returns the command that starts the main job in dir or resumes it there. tool, if any, runs it.
func job(dir string, threads int, tool ...string) *exec.Cmd {
	args := append(tool, "bnas")
	if _, err := os.Stat(filepath.Join(dir, run.ConfigName)); err == nil {
		args = append(args, "run", "--resume", dir, "--quiet")
	} else {
		args = append(append(args, strings.Fields(mainJob)...), "--out", dir)
	}
	args = append(args, "--threads", fmt.Sprint(threads))
	return exec.Command(args[0], args[1:]...)
}

// outcome is all of a finished job that must not depend on disturbances.
type outcome struct{ checkpoint, scores, best string }

func outcomeOf(t *testing.T, dir string) (o outcome) {
	t.Helper()
	for name, to := range map[string]*string{"checkpoint": &o.checkpoint, "scores.csv": &o.scores} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		*to = string(text)
	}
	text, err := os.ReadFile(filepath.Join(dir, run.ResultName))
	if err != nil {
		t.Fatal(err)
	}
	var result struct{ Best json.RawMessage }
	if err := json.Unmarshal(text, &result); err != nil {
		t.Fatal(err)
	}
	o.best = string(result.Best)
	return o
}

// finish runs the job in dir to its end.
func finish(t *testing.T, dir string) outcome {
	t.Helper()
	if text, err := job(dir, 1).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return outcomeOf(t, dir)
}

func (o outcome) compare(t *testing.T, want outcome) {
	t.Helper()
	if o.checkpoint != want.checkpoint {
		t.Error("the checkpoint is not that of an undisturbed job")
	}
	if o.scores != want.scores {
		t.Error("the scores are not those of an undisturbed job")
	}
	if o.best != want.best {
		t.Error("the best networks are not those of an undisturbed job")
	}
}

// TestKills kills the main job at random moments and resumes it with another number of threads each time.
func TestKills(t *testing.T) {
	kills := 3
	if testing.Short() {
		kills = 1
	}
	if os.Getenv("BNAS_LONG") != "" {
		kills = 160
	}
	start := time.Now()
	want := finish(t, filepath.Join(t.TempDir(), "whole"))
	whole := time.Since(start)
	r := philox.New(1, "kills", 0)
	dir := filepath.Join(t.TempDir(), "run")
	for killed := 0; killed < kills; {
		c := job(dir, 1+r.IntN(3))
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(r.Float64()*float64(whole)), func() { c.Process.Kill() })
		err := c.Wait()
		if timer.Stop() { // it ended before
			if err != nil {
				t.Fatalf("after %d kills: %v", killed, err)
			}
			outcomeOf(t, dir).compare(t, want)
			dir = filepath.Join(t.TempDir(), "run")
			continue
		}
		killed++
	}
	finish(t, dir).compare(t, want)
}

// TestInjectedFaults lets single system calls of the main job fail, or kills the job in them. The job then ends well, or with
// one line; resumed, it has the result of an undisturbed job.
func TestInjectedFaults(t *testing.T) {
	if os.Getenv("BNAS_LONG") == "" {
		t.Skip("set BNAS_LONG to run it")
	}
	if err := exec.Command("strace", "-qq", "-o", "/dev/null", "true").Run(); err != nil {
		t.Skipf("strace does not work here: %v", err)
	}
	want := finish(t, filepath.Join(t.TempDir(), "whole"))
	r := philox.New(2, "faults", 0)
	for _, c := range []struct{ call, file string }{
		{"openat", "checkpoint.tmp"}, {"write", "checkpoint.tmp"}, {"fsync", "checkpoint.tmp"}, {"linkat", ""}, {"renameat", ""},
		{"openat", "metrics.jsonl"}, {"write", "metrics.jsonl"}, {"fsync", "metrics.jsonl"}, {"ftruncate", "metrics.jsonl"},
		{"openat", "scores.csv"}, {"pwrite64", "scores.csv"}, {"fsync", "scores.csv"}, {"ftruncate", "scores.csv"},
	} {
		for _, fault := range []string{"error=EIO", "error=ENOSPC", "signal=KILL"} {
			when := 1 + r.IntN(6)
			t.Run(fmt.Sprintf("%s %s %s %d", c.call, c.file, fault, when), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "run")
				tool := []string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + c.call, "-e", fmt.Sprintf("inject=%s:%s:when=%d", c.call, fault, when)}
				if c.file != "" {
					tool = append(tool, "-P", filepath.Join(dir, c.file))
				}
				disturbed := job(dir, 2, tool...)
				var stderr bytes.Buffer
				disturbed.Stderr = &stderr
				err := disturbed.Run()
				var exit *exec.ExitError
				if errors.As(err, &exit) && exit.ExitCode() == exitFailure {
					if text := strings.TrimSpace(stderr.String()); strings.Count(text, "\n") > 0 || !strings.HasPrefix(text, "bnas: ") {
						t.Errorf("not one line: %s", text)
					}
				} else if err != nil && fault != "signal=KILL" {
					t.Errorf("%v: %s", err, &stderr)
				}
				finish(t, dir).compare(t, want)
			})
		}
	}
}
