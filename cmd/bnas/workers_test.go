//go:build unix

package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bnas.example/inventory"
	"bnas.example/philox"
	"bnas.example/run"
)

// TestWorkersEqualOneProcess: a search and a scoring by several processes have the ledger and the result of one process, also if
// workers are killed. The long test has 3,000 architectures and kills 20 workers.
func TestWorkersEqualOneProcess(t *testing.T) {
	for _, j := range jobs {
		if j.name != "search" && j.name != "score" {
			continue
		}
		t.Run(j.name, func(t *testing.T) {
			kills := 1
			if longTests {
				kills = 20
				j.resume = strings.NewReplacer("--max-evaluations 10", "--generations 1000 --max-evaluations 3000", "--sample 12", "--sample 3000").Replace(j.resume)
			}
			dir := j.folder(t)
			copied := copyOf(t, dir)
			want := j.finish(t, dir)
			c := j.command(copied, 2)
			c.Args = append(c.Args, "--workers", "3")
			var log bytes.Buffer
			c.Stderr = &log
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- c.Wait() }()
			killed := killWorkers(c.Process.Pid, kills, philox.New(1, "workers of "+j.name, 0))
			if err := <-ended; err != nil {
				t.Fatalf("%v: %s", err, &log)
			}
			if killed == 0 {
				t.Error("no worker was killed")
			}
			j.outcome(t, copied).compare(t, want)
		})
	}
}

// TestCoordinatorKilled: a search of 3,000 architectures is killed ten times, each time after some of its workers, and goes on with another
// number of workers. The ledger and the result are those of one process: no score is lost, none is there twice.
func TestCoordinatorKilled(t *testing.T) {
	if !longTests {
		t.Skip("set BNAS_LONG to run it")
	}
	j, copied, want := toDisturb(t, 3000)
	r := philox.New(1, "killed coordinators", 0)
	for kills := range 11 {
		c := j.command(copied, 2)
		c.Args = append(c.Args, "--workers", strconv.Itoa(1+r.IntN(4)))
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		if kills == 10 {
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			break
		}
		killWorkers(c.Process.Pid, r.IntN(3), r)
		until := linesOf(copied) + r.IntN(200)
		awaits(t, "the search stands still", func() bool { return linesOf(copied) >= until })
		c.Process.Kill()
		if err := <-ended; err == nil {
			t.Fatalf("the search ended before kill %d", kills+1)
		}
	}
	j.outcome(t, copied).compare(t, want)
}

// TestPrintedCommandJoins: with --listen, bnas prints the command of another worker. It works alone here, and is done when the
// coordinator is.
func TestPrintedCommandJoins(t *testing.T) {
	out := filepath.Join(t.TempDir(), "scores.csv")
	score := "score --terms params --sample 3 --out " + out + " " + netFlags + " " + fewFlags
	coordinator := exec.Command("bnas", strings.Fields(score+" --listen 127.0.0.1:0")...)
	log, err := coordinator.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := coordinator.Start(); err != nil {
		t.Fatal(err)
	}
	defer coordinator.Process.Kill()
	command := regexp.MustCompile(`others join: bnas (worker [^"]*)`)
	var join []string
	for lines := bufio.NewScanner(log); join == nil && lines.Scan(); {
		if m := command.FindStringSubmatch(lines.Text()); m != nil {
			join = append(strings.Fields(m[1]), "--once")
		}
	}
	go io.Copy(io.Discard, log)
	if text, err := exec.Command("bnas", join...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", join, err, text)
	}
	if err := coordinator.Wait(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(out); err != nil || strings.Count(string(text), "\n") != 4 {
		t.Errorf("%v: %s", err, text)
	}
}

// killWorkers kills the children of a process at random moments, at most n of them, until it ends.
func killWorkers(parent, n int, r *philox.Stream) (killed int) {
	for killed < n && syscall.Kill(parent, 0) == nil {
		children := childrenOf(parent)
		if len(children) == 0 {
			time.Sleep(time.Millisecond)
			continue
		}
		time.Sleep(time.Duration(r.Float64() * float64(200*time.Millisecond)))
		if syscall.Kill(children[r.IntN(len(children))], syscall.SIGKILL) == nil {
			killed++
		}
	}
	return killed
}

// childrenOf lists the children of a process.
func childrenOf(parent int) (children []int) {
	out, _ := exec.Command("ps", "-o", "pid=", "--ppid", strconv.Itoa(parent)).Output()
	for _, word := range strings.Fields(string(out)) {
		if pid, err := strconv.Atoi(word); err == nil {
			children = append(children, pid)
		}
	}
	return children
}

// TestStatus: another process sees how far a search is, and that it has ended.
func TestStatus(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "scores")
	c := exec.Command("bnas", strings.Fields("score --sample 3000 --workers 1 --quiet --out "+dir+" "+netFlags+" "+fewFlags)...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait()
	defer c.Process.Kill()
	if s := awaitStatus(t, dir, func(s *run.Status) bool { return s != nil && len(s.Workers) == 1 }); s.Phase != "score" || s.Total != 3000 || s.Process != c.Process.Pid {
		t.Errorf("status %+v", s)
	}
	text, err := exec.Command("bnas", "status", dir).Output()
	if err != nil || !strings.Contains(string(text), " of 3000 ") || !strings.Contains(string(text), "\nWORKER ") {
		t.Errorf("%v: %s", err, text)
	}
	watchEnds(t, dir)
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, dir, func(s *run.Status) bool { return s == nil })
}

// TestStatusOfTraining: another process sees how far a training is, long before its next checkpoint.
func TestStatusOfTraining(t *testing.T) {
	runs := t.TempDir()
	dir := filepath.Join(runs, "fair")
	c := exec.Command("bnas", strings.Fields("train --steps 100000 --checkpoint-every 100000 --batch 4 --rank-every 0 --quiet --out "+dir+" "+netFlags)...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait()
	defer c.Process.Kill()
	s := awaitStatus(t, dir, func(s *run.Status) bool { return s != nil && s.Done > 0 })
	if s.Phase != run.Training || s.Total != 100000 || s.Rate <= 0 || s.Left <= 0 {
		t.Errorf("status %+v", s)
	}
	if e := inventory.Read(dir); e.Step < s.Done || e.Total != s.Total || e.State != inventory.Training {
		t.Errorf("in the list of runs %+v", e)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, dir, func(s *run.Status) bool { return s == nil })
}

// TestStatusOfStudy: another process sees what a study does: the phase of the cell, or with workers the cells that are complete.
func TestStatusOfStudy(t *testing.T) {
	for _, test := range []struct {
		flags, phase string
		total        int
	}{
		{"", "cell 3 of 4, standard-100000steps-0: train", 100000}, // after the two that train nothing
		{" --workers 2", cellsPhase, 4},
	} {
		dir := filepath.Join(t.TempDir(), "study")
		c := exec.Command("bnas", strings.Fields("study placement --quick --seeds 1 --networks 10 --steps 100000 --batch 4 --quiet --out "+dir+" "+netFlags+test.flags)...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if s := awaitStatus(t, dir, func(s *run.Status) bool { return s != nil && s.Phase == test.phase }); s.Total != test.total {
			t.Errorf("%s: status %+v, want one of %d", test.flags, s, test.total)
		}
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
		awaitStatus(t, dir, func(s *run.Status) bool { return s == nil })
	}
}

// watchEnds: Ctrl-C ends the watching of a folder without a complaint.
func watchEnds(t *testing.T, dir string) {
	t.Helper()
	watch := exec.Command("bnas", "status", "--watch", dir)
	out, err := watch.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaint strings.Builder
	watch.Stderr = &complaint
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Error(err)
	}
	watch.Process.Signal(os.Interrupt)
	go io.Copy(io.Discard, out)
	if err := watch.Wait(); err != nil || complaint.Len() > 0 {
		t.Errorf("Ctrl-C of --watch: %v: %s", err, &complaint)
	}
}

// awaitStatus reads the status in a folder until it is good.
func awaitStatus(t *testing.T, dir string, good func(*run.Status) bool) *run.Status {
	t.Helper()
	for range 3000 {
		if s, err := run.ReadStatus(dir); err == nil && good(s) {
			return s
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the status did not come")
	return nil
}
