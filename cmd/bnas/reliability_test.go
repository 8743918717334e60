//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bnas.example/philox"
)

// The tests of this file disturb jobs, resume them, and compare their results with those of undisturbed jobs. BNAS_LONG makes
// them long.

// TestKills kills each job at random moments and resumes it with another number of threads each time.
func TestKills(t *testing.T) {
	for _, j := range jobs {
		kills := 1
		if longTests {
			kills = 40
		}
		t.Run(j.name, func(t *testing.T) { j.kill(t, kills) })
	}
}

func (j job) kill(t *testing.T, kills int) {
	dir := j.folder(t)
	start := time.Now()
	want := j.finish(t, dir)
	whole := time.Since(start)
	r := philox.New(1, "kills of "+j.name, 0)
	dir = j.folder(t)
	for killed := 0; killed < kills; {
		c := j.command(dir, 1+r.IntN(3))
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(r.Float64()*float64(whole)), func() { c.Process.Kill() })
		err := c.Wait()
		if timer.Stop() { // it ended before
			if err != nil {
				t.Fatalf("after %d kills: %v", killed, err)
			}
			j.outcome(t, dir).compare(t, want)
			dir = j.folder(t)
			continue
		}
		killed++
	}
	j.finish(t, dir).compare(t, want)
}

// wantOneLine fails the test if a failed job has written anything but one line of its own.
func wantOneLine(t *testing.T, stderr string) {
	t.Helper()
	if text := strings.TrimSpace(stderr); strings.Contains(text, "\n") || !strings.HasPrefix(text, "bnas: ") {
		t.Errorf("not one line: %s", text)
	}
}

// TestInjectedFaults lets single system calls of the main job fail, or kills the job in them. The job then ends well, or with
// one line; resumed, it has the result of an undisturbed job.
func TestInjectedFaults(t *testing.T) {
	if !longTests {
		t.Skip("set BNAS_LONG to run it")
	}
	if err := exec.Command("strace", "-qq", "-o", "/dev/null", "true").Run(); err != nil {
		t.Skipf("strace does not work here: %v", err)
	}
	j := mainJob
	want := j.finish(t, j.folder(t))
	r := philox.New(2, "faults", 0)
	for _, c := range []struct {
		call, file string
		calls      int // how many of them a job makes at least
	}{
		{"openat", "checkpoint.tmp", 6}, {"write", "checkpoint.tmp", 6}, {"fsync", "checkpoint.tmp", 6}, {"linkat", "", 6}, {"renameat", "", 6},
		{"openat", "metrics.jsonl", 1}, {"write", "metrics.jsonl", 6}, {"fsync", "metrics.jsonl", 6}, {"ftruncate", "metrics.jsonl", 1},
		{"openat", "scores.csv", 1}, {"pwrite64", "scores.csv", 6}, {"fsync", "scores.csv", 1}, {"ftruncate", "scores.csv", 1},
	} {
		for _, fault := range []string{"error=EIO", "error=ENOSPC", "signal=KILL"} {
			when := 1 + r.IntN(c.calls)
			t.Run(fmt.Sprintf("%s %s %s %d", c.call, c.file, fault, when), func(t *testing.T) {
				dir := j.folder(t)
				stderr, err := j.disturb(dir, c.call, c.file, fault, when)
				tolerated := c.call == "linkat" && fault != "signal=KILL"
				if err == nil && !tolerated && when > 1 { // its calls were spread over threads, each with a count of its own
					dir = j.folder(t)
					stderr, err = j.disturb(dir, c.call, c.file, fault, 1)
				}
				var exit *exec.ExitError
				if errors.As(err, &exit) && exit.ExitCode() == exitFailure {
					wantOneLine(t, stderr)
				} else if err != nil && fault != "signal=KILL" {
					t.Errorf("%v: %s", err, stderr)
				}
				if err == nil && !tolerated {
					t.Error("the fault did not disturb the job")
				}
				j.finish(t, dir).compare(t, want)
			})
		}
	}
}

// disturb runs a job of which one system call has a fault: the when-th of a thread, on a file of the folder or on any file.
func (j job) disturb(dir, call, file, fault string, when int) (stderr string, err error) {
	tool := []string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:%s:when=%d", call, fault, when)}
	if file != "" {
		tool = append(tool, "-P", filepath.Join(dir, file))
	}
	disturbed := j.command(dir, 2, tool...)
	var log bytes.Buffer
	disturbed.Stderr = &log
	err = disturbed.Run()
	return log.String(), err
}

// TestLesserFileSystems: a file system without modes refuses to change them, one without locks to lock, one without links or fsync of folders those.
// Files are written there all the same.
func TestLesserFileSystems(t *testing.T) {
	if err := exec.Command("strace", "-qq", "-o", "/dev/null", "true").Run(); err != nil {
		t.Skipf("strace does not work here: %v", err)
	}
	for _, c := range []struct{ call, fault, on, line, file, says string }{
		{"fchmod", "EPERM", "", "score --terms params --sample 2 --out scores.csv " + fewFlags, "scores.csv", ""},
		{"flock", "ENOSYS", "", "train --out r --steps 1 --batch 4 --rank-every 0", "r/checkpoint", "the file system has no locks"},
		{"flock", "ENOLCK", "", "score --terms params --sample 2 --out s " + fewFlags, "s/scores.csv", "the file system has no locks"},
		{"linkat", "EPERM", "", "train --out r --steps 3 --checkpoint-every 1 --batch 4 --rank-every 0", "r/checkpoint", ""},
		{"fsync", "EINVAL", "r", "train --out r --steps 1 --batch 4 --rank-every 0", "r/checkpoint", ""},
	} {
		t.Run(c.call+" "+c.fault, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			if err := os.WriteFile("scores.csv", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			only := ""
			if c.on != "" {
				only = " -P " + filepath.Join(dir, c.on)
			}
			line := "-f -qq -o calls -e trace=" + c.call + " -e inject=" + c.call + ":error=" + c.fault + only + " bnas " + c.line + " " + netFlags
			out, err := exec.Command("strace", strings.Fields(line)...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.says) {
				t.Errorf("%v: %s", err, out)
			}
			if calls, err := os.ReadFile("calls"); err != nil || !bytes.Contains(calls, []byte("(INJECTED)")) {
				t.Errorf("no call was refused: %s, %v", calls, err)
			}
			if of, err := os.Stat(c.file); err != nil || of.Size() == 0 {
				t.Errorf("%s: %v, %v", c.file, of, err)
			}
		})
	}
}

// TestReadOnlyRun: where the ledger of a run cannot be written, the error says where scores can be kept.
func TestReadOnlyRun(t *testing.T) {
	if err := exec.Command("strace", "-qq", "-o", "/dev/null", "true").Run(); err != nil {
		t.Skipf("strace does not work here: %v", err)
	}
	for _, fault := range []string{"EACCES", "EROFS"} {
		ledger := filepath.Join(t.TempDir(), "scores.csv")
		line := "-f -qq -o /dev/null -e trace=openat -e inject=openat:error=" + fault + " -P " + ledger + " bnas score --terms params --sample 2 --quiet --out " + filepath.Dir(ledger) + " " + netFlags
		out, err := exec.Command("strace", strings.Fields(line)...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitFailure || !strings.Contains(string(out), "scores.csv: ") || !strings.HasSuffix(string(out), "; keep the scores in a folder that you may write to: --out DIR\n") {
			t.Errorf("%s: %v: %s", fault, err, out)
		}
		wantOneLine(t, string(out))
	}
}

// fullDisk runs a job on a file system of its own with SIZE bytes, makes room, and resumes the job. The files of the folder
// are then in COPY. The first run's exit code and stderr are in COPY too. A folder FROM is on the disk before. FOR_TEMPORARY is the
// size of another file system, of temporary files, for the first run.
const fullDisk = `
mount -t tmpfs -o size=$SIZE none "$DISK" || exit 77
if [ -n "$FROM" ]; then cp -r "$FROM" "$DISK/run" || exit 76; fi
if [ -n "$FOR_TEMPORARY" ]; then mount -t tmpfs -o size=$FOR_TEMPORARY none "$TMPDIR" || exit 77; fi
bnas $START 2>"$COPY/stderr"
echo $? >"$COPY/code"
mount -o remount,size=64m "$DISK" || exit 77
if [ -n "$FOR_TEMPORARY" ]; then umount "$TMPDIR" || exit 77; fi
if [ -e "$DISK/run/config.yaml" ]; then bnas $RESUME; else bnas $START; fi || exit
cp "$DISK"/run/* "$COPY" 2>/dev/null
true`

// TestDiskFull runs the main job on disks of growing size. While the disk is too small the job ends with one line that says
// so; with more room it goes on to the result of an undisturbed job.
func TestDiskFull(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the main job several times")
	}
	j := mainJob
	dir := j.folder(t)
	want := j.finish(t, dir)
	needed := sizeOf(t, dir)
	sizes := 3
	if longTests {
		sizes = 40
	}
	ran, failed := 0, 0
	for i := range sizes {
		size := needed * int64(i) / int64(sizes)
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			if j.onFullDisk(t, want, fmt.Sprint("SIZE=", max(size, 4096))) {
				failed++
			}
			ran++
		})
	}
	if ran > 0 && failed == 0 {
		t.Error("no disk was too small")
	}
}

// TestDiskFullOfWorkers: the same of a search by workers, whose ledger has no room, or whose server or workers have none for their
// temporary files.
func TestDiskFullOfWorkers(t *testing.T) {
	if !longTests {
		t.Skip("set BNAS_LONG to run it")
	}
	j := longSearch(t, 200)
	j.start += " --workers 2"
	j.resume += " --workers 2"
	dir := j.folder(t)
	trained := copyOf(t, dir)
	want := j.finish(t, dir)
	empty, full := sizeOf(t, trained), sizeOf(t, dir)
	for name, environment := range map[string][]string{
		"ledger":    {fmt.Sprint("SIZE=", empty+(full-empty)/10)},
		"result":    {fmt.Sprint("SIZE=", full-full/10)},
		"temporary": {"SIZE=64m", "FOR_TEMPORARY=4k"},
	} {
		t.Run(name, func(t *testing.T) {
			if !j.onFullDisk(t, want, append(environment, "FROM="+trained)...) {
				t.Error("the disk was not too small")
			}
		})
	}
}

// onFullDisk runs fullDisk and compares the result. failed says whether the disk was too small.
func (j job) onFullDisk(t *testing.T, want outcome, environment ...string) (failed bool) {
	t.Helper()
	disk, copied := t.TempDir(), t.TempDir()
	on := func(line string) string {
		return strings.ReplaceAll(line, "DIR", filepath.Join(disk, "run")) + " --threads 1"
	}
	c := exec.Command("unshare", "-rm", "sh", "-c", fullDisk)
	c.Env = append(os.Environ(), "DISK="+disk, "COPY="+copied, "START="+on(j.start), "RESUME="+on(j.resume), "TMPDIR="+t.TempDir())
	c.Env = append(c.Env, environment...)
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if errors.Is(err, exec.ErrNotFound) || (errors.As(err, &exit) && exit.ExitCode() == 77) || strings.Contains(string(out), "unshare:") {
		t.Skipf("no file system can be mounted here: %v: %s", err, out)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	code := strings.TrimSpace(readPage(t, filepath.Join(copied, "code")))
	if failed = code != "0"; failed {
		stderr := readPage(t, filepath.Join(copied, "stderr"))
		wantOneLine(t, stderr)
		if code != "1" || !strings.Contains(stderr, "no space left") {
			t.Errorf("exit code %s: %s", code, stderr)
		}
	}
	j.outcome(t, copied).compare(t, want)
	return failed
}

func sizeOf(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	return bytes
}
