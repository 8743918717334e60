//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// interrupts are command lines that take long, and what ends them. FIFO is a pipe without a writer,
// TABLE a score file of many architectures.
var interrupts = []struct {
	args string
	when string // a part of stderr after which the signal is sent; "" is half a second
	code int
	says string // a part of the last line
}{
	{"correlate --resamples 1000000 --scores TABLE --table TABLE --accuracy-column params", "", exitKilled, "what this command did is lost, run it again"},
	{"correlate --scores TABLE --table FIFO", "", exitKilled, "lost"},
	{"correlate --scores FIFO --table TABLE", "", exitKilled, "lost"},
	{"score --file FIFO " + netFlags, "", exitKilled, "lost"},
	{"train --config FIFO --out NEW", "", exitKilled, "lost"},
	{"bench step --repeats 1000000 " + netFlags, "", exitKilled, "lost"},
	{"bench kernel --repeats 1000000 " + netFlags, "", exitKilled, "lost"},
	{"bench score --repeats 6000 " + netFlags + " " + fewFlags, "", exitKilled, "lost"},
	{"score --all " + netFlags + " " + fewFlags, "msg=device", exitKilled, "lost"},
	{"search --strategy exhaustive --composite naswot " + netFlags + " " + fewFlags, "msg=device", exitKilled, "lost"},
	{"eval --split test --calibration-images 7000 " + netFlags + strings.Repeat(" 3,3,3,3,3,3", 1000), "msg=device", exitKilled, "lost"},
	{"score --all --out LEDGER " + netFlags + " " + fewFlags, "msg=device", exitInterrupted, "to go on: bnas score --all --out LEDGER " + netFlags},
	{"search --strategy regularised --composite params --population 2 --max-evaluations 1000000 --out LEDGER2 --config CONFIG " + netFlags + " " + fewFlags,
		"msg=device", exitInterrupted, "to go on: bnas search --strategy regularised"},
	{"study fairness --quick --steps 1000000 --batch 4 --out STUDY " + netFlags, "msg=device", exitInterrupted, "to go on: bnas study fairness --quick --steps 1000000"},
	{"study fairness --quick --workers 2 --steps 1000000 --batch 4 --out STUDY2 " + netFlags, "msg=workers", exitInterrupted, "to go on: bnas study fairness --quick --workers 2"},
	{"train --steps 1000000 --batch 4 --rank-every 0 --out NEW2 " + netFlags, "msg=device", exitInterrupted, "to go on: bnas train --resume NEW2"},
}

// TestInterruptEndsWithinASecond sends Ctrl-C to each. It ends within a second; the code is 75 only if all is saved.
func TestInterruptEndsWithinASecond(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	fifo := func(path string) string {
		if err := syscall.Mkfifo(path, 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	code, _, stderr := inProcess(strings.Fields("score --terms params,macs --sample 3000 --quiet --out TABLE.csv " + netFlags + " " + fewFlags)...)
	if code != exitOK {
		t.Fatal(stderr)
	}
	text, err := os.ReadFile("TABLE.csv")
	if err != nil {
		t.Fatal(err)
	}
	live := slices.DeleteFunc(strings.SplitAfter(string(text), "\n"), func(line string) bool { return strings.Contains(line, "-Inf") })
	write("TABLE.csv", strings.Join(live, ""))
	write("CONFIG", "search: {tournament: 1000000, mutants: 1, crossovers: 1}\n")
	fifo("FIFO")
	for _, c := range interrupts {
		args := strings.ReplaceAll(c.args, "TABLE", "TABLE.csv")
		t.Run(strings.ReplaceAll(c.args[:min(60, len(c.args))], "/", "_"), func(t *testing.T) {
			took, code, stderr := interruptOnce(t, args, c.when, func() { time.Sleep(400 * time.Millisecond) })
			if took > slack(time.Second) {
				t.Errorf("it took %v", took)
			}
			last := stderr[strings.LastIndex(strings.TrimSuffix(stderr, "\n"), "\n")+1:]
			if code != c.code || !strings.Contains(last, strings.ReplaceAll(c.says, "TABLE", "TABLE.csv")) {
				t.Errorf("exit code %d, want %d; %q, want %q", code, c.code, last, c.says)
			}
		})
	}
	if _, err := os.Stat("NEW"); err == nil {
		t.Error("a start that was interrupted leaves a folder")
	}
}

// TestAttend: the error of a context is never a message. Work that is saved says how it goes on.
func TestAttend(t *testing.T) {
	goOn := interrupted{errors.New("stopped"), "bnas again"}
	for _, test := range []struct{ work, want error }{
		{nil, nil},
		{goOn, goOn},
		{fmt.Errorf("scoring: %w", context.Canceled), errLost},
	} {
		got := attend(t.Context(), &keeper{}, func() error { return test.work })
		if fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%v becomes %v, want %v", test.work, got, test.want)
		}
	}
}

// TestTimeSignal: a signal of a batch system stops and saves as Ctrl-C does; a second one, such as it and its launcher send, ends nothing.
func TestTimeSignal(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGXCPU} {
		t.Run(signal.String(), func(t *testing.T) {
			var log bytes.Buffer
			ctx, stop := interruptible(&log, &keeper{keeps: true})
			defer stop()
			for range 3 {
				if err := syscall.Kill(os.Getpid(), signal); err != nil {
					t.Fatal(err)
				}
				select {
				case <-ctx.Done():
				case <-time.After(slack(time.Second)):
					t.Fatal("it goes on")
				}
				time.Sleep(5 * time.Millisecond) // until the signal is here
			}
			if n := strings.Count(log.String(), "stopping and saving"); n != 1 {
				t.Errorf("said %d times: %s", n, &log)
			}
		})
	}
}

// slack allows for a machine that does other work too.
func slack(d time.Duration) time.Duration { return 3 * d }

// interruptOnce starts a command, waits for a text in its log and for under, interrupts it, and returns the time from the signal to the end.
func interruptOnce(t *testing.T, args, when string, under func()) (took time.Duration, code int, stderr string) {
	t.Helper()
	cmd := exec.Command("bnas", strings.Fields(args)...)
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	lines := bufio.NewReader(pipe)
	for when != "" && !strings.Contains(log.String(), when) {
		line, err := lines.ReadString('\n')
		log.WriteString(line)
		if err != nil {
			t.Fatalf("no %q: %s", when, &log)
		}
	}
	under()
	start := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatalf("it has ended already: %v: %s", err, &log)
	}
	kill := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
	defer kill.Stop()
	log.ReadFrom(lines)
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return time.Since(start), cmd.ProcessState.ExitCode(), log.String()
}

// TestPrintedCommandGoesOn interrupts a scoring with a ledger. The printed command ends it, and computes no score again.
func TestPrintedCommandGoesOn(t *testing.T) {
	t.Chdir(t.TempDir())
	begun := func() { // it keeps scores
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if text, err := os.ReadFile(filepath.Join("kept", "scores.csv")); err == nil && bytes.Count(text, []byte("\n")) > 1 {
				return
			}
		}
	}
	_, code, stderr := interruptOnce(t, "score --sample 1000 --out kept "+netFlags+" "+fewFlags, "msg=device", begun)
	if code != exitInterrupted {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	_, goOn, _ := strings.Cut(strings.TrimSpace(stderr), "; to go on: ")
	before, err := os.ReadFile(filepath.Join("kept", "scores.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", "-c", goOn+" --quiet").CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", goOn, err, out)
	}
	after, err := os.ReadFile(filepath.Join("kept", "scores.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(after, before) || bytes.Count(after, []byte("\n")) != 1001 {
		t.Errorf("%d lines, then %d", bytes.Count(before, []byte("\n")), bytes.Count(after, []byte("\n")))
	}
}
