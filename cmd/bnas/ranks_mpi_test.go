//go:build mpi && unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"bnas.example/train"
)

// These tests run bnas by mpirun: make test-mpi.

// inRanks returns the command that runs bnas in so many processes.
func inRanks(t *testing.T, ranks int, line string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath("mpirun"); err != nil {
		t.Skip("needs mpirun (openmpi-bin)")
	}
	words := append([]string{"--oversubscribe", "--quiet", "-np", fmt.Sprint(ranks), "bnas"}, strings.Fields(line)...)
	c := exec.CommandContext(t.Context(), "mpirun", words...)
	c.Env = append(os.Environ(), "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
	return c
}

// exited returns the exit code and the output of a command, and how long it took.
func exited(t *testing.T, c *exec.Cmd) (code int, out string, took time.Duration) {
	t.Helper()
	start := time.Now()
	text, err := c.CombinedOutput()
	if c.ProcessState == nil {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), string(text), time.Since(start)
}

func checkpointOf(t *testing.T, dir string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, train.CheckpointName))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// metricsOf returns the metrics without their times.
func metricsOf(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, train.MetricsName))
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`"time":\{[^}]*\}`).ReplaceAllString(string(text), "")
}

// The run folder of several processes is that of one, to the bit.
func TestMPIEqualsOneProcess(t *testing.T) {
	for name, c := range map[string]struct {
		flags string
		ranks []int
	}{
		"shards":           {"--batch 8 --shards 4 --rank-every 3", []int{2, 4}},
		"eight shards":     {"--batch 16 --shards 8 --rank-every 0", []int{8}},
		"strict":           {"--batch 4 --sampling strict --rank-every 0", []int{2, 4}},
		"strict in shards": {"--batch 4 --shards 2 --sampling strict --optimizer sgd --rank-every 0", []int{2, 4}},
	} {
		line := "train --quiet --steps 7 --checkpoint-every 3 --metrics-every 2 " + netFlags + " " + c.flags + " --out "
		one := filepath.Join(t.TempDir(), "one")
		if text, err := exec.Command("bnas", strings.Fields(line+one)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		for _, n := range c.ranks {
			dir := filepath.Join(t.TempDir(), "run")
			if code, out, _ := exited(t, inRanks(t, n, line+dir)); code != 0 || strings.Count(out, "last step") != 1 {
				t.Fatalf("%s: %d processes: code %d: %s", name, n, code, out)
			}
			if !bytes.Equal(checkpointOf(t, dir), checkpointOf(t, one)) {
				t.Errorf("%s: the checkpoint of %d processes differs from that of one", name, n)
			}
			if got, want := metricsOf(t, dir), metricsOf(t, one); got != want {
				t.Errorf("%s: the metrics of %d processes differ from those of one:\n%s\n%s", name, n, got, want)
			}
		}
	}
}

// disturbedLine is a training that takes some seconds.
const disturbedLine = "train --quiet --steps 300 --checkpoint-every 5 --rank-every 0 --batch 8 --shards 4 " + netFlags + " --out "

// rankProcess returns the process of a rank below mpirun, when the run has made steps.
func rankProcess(t *testing.T, mpirun *exec.Cmd, rank int, dir string) int {
	t.Helper()
	for range 1000 {
		time.Sleep(10 * time.Millisecond)
		if p, err := train.ReadPosition(dir); err != nil || p.Step == 0 {
			continue
		}
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", mpirun.Process.Pid))
		for _, pid := range strings.Fields(string(children)) {
			text, _ := os.ReadFile("/proc/" + pid + "/environ")
			if strings.Contains(string(text), fmt.Sprintf("OMPI_COMM_WORLD_RANK=%d\x00", rank)) {
				var n int
				fmt.Sscan(pid, &n)
				return n
			}
		}
	}
	t.Skip("found no process of a rank: this needs Linux's /proc")
	return 0
}

// launcher, in place of a rank, is mpirun.
const launcher = -1

// disturb runs disturbedLine, and sends a signal to a rank in the middle.
func disturb(t *testing.T, dir string, ranks, rank int, signal syscall.Signal, more string) (code int, out string, took time.Duration) {
	t.Helper()
	c := inRanks(t, ranks, disturbedLine+dir+" "+more)
	var text bytes.Buffer
	c.Stdout, c.Stderr = &text, &text
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	pid := rankProcess(t, c, max(rank, 0), dir)
	if rank == launcher {
		pid = c.Process.Pid
	}
	start := time.Now()
	if err := syscall.Kill(pid, signal); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	return c.ProcessState.ExitCode(), text.String(), time.Since(start)
}

// goesOn resumes a run in so many processes and compares it with one that was not disturbed.
func goesOn(t *testing.T, dir string, ranks int) {
	t.Helper()
	if p, err := train.ReadPosition(dir); err != nil || p.Step == 0 || p.Done() {
		t.Errorf("the run was not disturbed in the middle: %+v, %v", p, err)
	}
	if code, out, _ := exited(t, inRanks(t, ranks, "train --quiet --resume "+dir)); code != 0 {
		t.Fatalf("resumed in %d processes: code %d: %s", ranks, code, out)
	}
	one := filepath.Join(t.TempDir(), "one")
	if text, err := exec.Command("bnas", strings.Fields(disturbedLine+one)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if !bytes.Equal(checkpointOf(t, dir), checkpointOf(t, one)) {
		t.Error("the checkpoint differs from that of an undisturbed run")
	}
}

// A rank dies: the job ends within seconds, the checkpoint is whole, and the run goes on in another number of processes.
func TestMPIRankDies(t *testing.T) {
	for rank, with := range []int{4, 2} {
		dir := filepath.Join(t.TempDir(), "run")
		code, out, took := disturb(t, dir, 3, rank, syscall.SIGKILL, "")
		if code != 128+int(syscall.SIGKILL) || took > 10*time.Second || strings.Contains(out, "bnas: ") {
			t.Errorf("rank %d: code %d after %v: %s", rank, code, took, out)
		}
		goesOn(t, dir, with)
	}
}

// A rank hangs: the others name it after --rank-timeout, and the job ends with the code to start it again.
func TestMPIRankHangs(t *testing.T) {
	for rank, with := range []int{2, 4} {
		dir := filepath.Join(t.TempDir(), "run")
		code, out, took := disturb(t, dir, 3, rank, syscall.SIGSTOP, "--rank-timeout 2s")
		if code != exitInterrupted || took > 20*time.Second {
			t.Errorf("rank %d: code %d after %v: %s", rank, code, took, out)
		}
		want := regexp.MustCompile(fmt.Sprintf(`^bnas: .*rank %d on \S+ has not answered for 2s; to go on: mpirun -np 3 bnas train --resume \S+\n$`, rank))
		if !want.MatchString(out) {
			t.Errorf("rank %d: %q does not match %v", rank, out, want)
		}
		goesOn(t, dir, with)
	}
}

// A signal to one rank ends all of them, with a checkpoint. mpirun passes SIGUSR1 on to all.
func TestMPIInterrupted(t *testing.T) {
	for signal, rank := range map[syscall.Signal]int{syscall.SIGTERM: 1, syscall.SIGUSR1: launcher} {
		dir := filepath.Join(t.TempDir(), "run")
		code, out, _ := disturb(t, dir, 2, rank, signal, "")
		if code != exitInterrupted || !strings.HasPrefix(out, "bnas: ") || strings.Count(out, "\n") != 1 || !strings.Contains(out, "to go on: mpirun -np 2 bnas train --resume") {
			t.Errorf("%v: code %d: %s", signal, code, out)
		}
		goesOn(t, dir, 3)
	}
}

// An error is one line, whichever rank has it.
func TestMPIErrors(t *testing.T) {
	for name, c := range map[string]struct {
		ranks int
		line  string
		code  int
		want  string
	}{
		"wrong flag":      {3, "train --batch -1", exitUsage, "bnas: --batch"},
		"another command": {2, "score --sample 3", exitUsage, "bnas: mpirun has started 2 processes, and bnas score works in one: start it without mpirun"},
		"too many":        {3, "train --steps 2 --batch 4 --shards 2 --rank-every 0 --out " + t.TempDir() + "/run " + netFlags, exitUsage, "bnas: --shards 2: a step has 2 parts for 3 processes"},
		"no folder":       {2, "train --resume " + t.TempDir(), exitFailure, "bnas: "},
		"diverging": {2, "train --steps 50 --batch 4 --shards 2 --rank-every 0 --optimizer sgd --train all --lr 1e30 --clip-norm 0 --out " + t.TempDir() + "/run " + netFlags,
			exitFailure, "training diverged"},
	} {
		code, out, took := exited(t, inRanks(t, c.ranks, c.line+" --quiet"))
		if code != c.code || strings.Count(out, "\n") != 1 || !strings.Contains(out, c.want) || took > 20*time.Second {
			t.Errorf("%s: code %d after %v, want %d: %s", name, code, took, c.code, out)
		}
	}
}
