package train

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"testing"
	"time"

	"bnas.example/kernels"
	"bnas.example/philox"
)

// crashDir, set in the environment, makes the test binary train in that folder instead of testing.
const crashDir = "BNAS_TRAIN_CRASH_DIR"

// kills is the number of times that the crash test kills a run: 6, or 50 with BNAS_LONG.
func kills() int {
	if os.Getenv("BNAS_LONG") != "" {
		return 50
	}
	return 6
}

func crashConfig() Config {
	cfg := quick(12 * kills())
	cfg.CheckpointEvery, cfg.RankEvery, cfg.MetricsEvery = 2, 5, 1
	return cfg
}

// crashTrainer is a run whose ranking is a function of the parameters.
func crashTrainer(t testing.TB, dir string) *Trainer {
	tr := fresh(t, crashConfig(), dir)
	tr.Ranker = func(context.Context) ([]float64, error) {
		var sums []float64
		for _, b := range tr.net.BNs() {
			gamma := make([]float32, tr.net.Params()[b.Gamma].Len())
			if err := tr.store.Read(kernels.Data, gamma, b.Gamma); err != nil {
				return nil, err
			}
			sum := 0.0
			for _, v := range gamma {
				sum += math.Abs(float64(v))
			}
			sums = append(sums, math.Round(sum*16))
		}
		return sums, nil
	}
	return tr
}

// TestCrash kills a training process at random moments and starts it again each time. It compares the result with that of an
// uninterrupted run.
func TestCrash(t *testing.T) {
	if dir := os.Getenv(crashDir); dir != "" {
		trainUntilKilled(t, dir)
		return
	}
	whole := crashTrainer(t, t.TempDir())
	want := run(t, whole)

	dir := t.TempDir()
	r := philox.New(1, "crash", 0)
	for k := range kills() {
		child := startChild(t, dir)
		lines := bufio.NewScanner(child.stdout)
		for range r.IntN(10) {
			if !lines.Scan() {
				t.Fatalf("kill %d: the run ended by itself: %v", k, child.Wait())
			}
		}
		time.Sleep(time.Duration(r.IntN(12_000)) * time.Microsecond)
		if err := child.Process.Kill(); err != nil {
			t.Fatalf("kill %d: %v", k, err)
		}
		child.Wait()
		if c, damage, err := load(dir); err == nil {
			t.Logf("kill %d: step %d, predecessor used because: %v", k, c.State.Step, damage)
			if errors.Is(damage, errDamaged) {
				t.Errorf("kill %d: the newest checkpoint is not whole: %v", k, damage)
			}
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("kill %d: no whole checkpoint: %v", k, err)
		}
	}
	child := startChild(t, dir)
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(readFile(t, checkpointPath(dir)), want) {
		t.Error("the final checkpoint differs from that of an uninterrupted run")
	}
	sameLines(t, metricLines(t, dir), metricLines(t, whole.dir))
}

type child struct {
	*exec.Cmd
	stdout *os.File
}

func startChild(t *testing.T, dir string) child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close() })
	c := exec.Command(self, "-test.run=^TestCrash$", "-test.count=1")
	c.Env = append(os.Environ(), crashDir+"="+dir)
	c.Stdout, c.Stderr = write, os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	return child{c, read}
}

// trainUntilKilled continues the run in dir and prints a line for each step.
func trainUntilKilled(t *testing.T, dir string) {
	tr := crashTrainer(t, dir)
	if err := tr.Resume(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := tr.Run(context.Background(), func(p Progress) { fmt.Println(p.Step) }); err != nil {
		t.Fatal(err)
	}
}
