//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bnas.example/philox"
)

const tinyTrain = netFlags + " --batch 4 --rank-every 0 --quiet"

// TestTraceRefusesValues: pixels that are not finite, and labels that are no class, are refused in one line.
func TestTraceRefusesValues(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	pixels := func(at int, v float32) []float32 {
		x := make([]float32, 2*3*8*8)
		philox.New(1, "images", 0).Normal(x, 1)
		x[at] = v
		return x
	}
	writeNpy(t, "good.npy", "<f4", "2, 3, 8, 8", pixels(0, 1))
	writeNpy(t, "nan.npy", "<f4", "2, 3, 8, 8", pixels(3*8*8, float32(math.NaN())))
	writeNpy(t, "inf.npy", "<f4", "2, 3, 8, 8", pixels(5, float32(math.Inf(-1))))
	for name, labels := range map[string][]int64{"labels.npy": {1, 7}, "high.npy": {1, 10}, "low.npy": {-1, 1}, "far.npy": {1 << 32, 1}} {
		writeNpy(t, name, "<i8", "2,", labels)
	}
	for _, c := range []struct{ images, labels, want string }{
		{"nan.npy", "labels.npy", "bnas: nan.npy: image 1 has the pixel NaN, want finite numbers\n"},
		{"inf.npy", "labels.npy", "bnas: inf.npy: image 0 has the pixel -Inf, want finite numbers\n"},
		{"good.npy", "high.npy", "bnas: high.npy: label 10 of image 1 is not in 0…9\n"},
		{"good.npy", "low.npy", "bnas: low.npy: label -1 of image 0 is not in 0…9\n"},
		{"good.npy", "far.npy", "bnas: far.npy: label 4294967296 of image 0 is not in 0…9\n"},
	} {
		code, stdout, stderr := line("trace all3x3 -o trace --quiet --images " + c.images + " --labels " + c.labels + " " + netFlags)
		if code != exitFailure || stdout != "" || stderr != c.want {
			t.Errorf("%s, %s: exit code %d, %q, want %q", c.images, c.labels, code, stderr, c.want)
		}
	}
	if _, err := os.Stat("trace"); err == nil {
		t.Error("a refused trace has written its file")
	}
	code, _, stderr := line("trace all3x3 -o trace --statistics running --images good.npy --labels labels.npy")
	if code != exitUsage || !strings.Contains(stderr, `--statistics "running": there is batch and frozen`) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	succeeds(t, "trace all3x3 -o trace --quiet --images good.npy --labels labels.npy "+netFlags)
}

// TestEpochsAndSteps: both are wrong use.
func TestEpochsAndSteps(t *testing.T) {
	code, _, stderr := line("train --epochs 2 --steps 3 --out " + filepath.Join(t.TempDir(), "x"))
	if code != exitUsage || stderr != "bnas: --epochs and --steps exclude each other\n" {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// TestResumeWithMoreSteps: a finished run goes on to more steps, as a run that had them from the start.
func TestResumeWithMoreSteps(t *testing.T) {
	t.Chdir(t.TempDir())
	constant := tinyTrain + " --schedule constant"
	succeeds(t, "train --steps 3 --out more "+constant)
	stdout := succeeds(t, "train --resume more --steps 6 --json --quiet")
	if !strings.Contains(stdout, `"step": 6`) || !strings.Contains(stdout, `"total": 6`) {
		t.Errorf("after more steps: %s", stdout)
	}
	if stdout := succeeds(t, "train --resume more --json --quiet"); !strings.Contains(stdout, `"step": 6`) {
		t.Errorf("the folder forgot its steps: %s", stdout)
	}
	code, _, stderr := line("train --resume more --steps 2 --quiet")
	if code == exitOK {
		t.Errorf("fewer steps than it has: exit code %d: %s", code, stderr)
	}
}

// TestResumedRunKeepsItsFlags: the command that goes on with a resumed run, and the one of its report, have its flags: the folder has not.
func TestResumedRunKeepsItsFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct{ args, goOn string }{
		{"run --steps 6 --max-time 1ns --max-evaluations 2 --out r --tensorboard " + fewFlags + " " + tinyTrain, "bnas run --resume r --tensorboard"},
		{"run --resume r --max-time 1ns --max-macs 90k --quiet", "bnas run --resume r --max-time 1ns --max-macs 90k --quiet"},
	} {
		if code, _, stderr := line(c.args); code != exitInterrupted || !strings.HasSuffix(stderr, "to go on: "+c.goOn+"\n") {
			t.Fatalf("%s: exit code %d: %s", c.args, code, stderr)
		}
	}
	succeeds(t, "run --resume r --max-time 0s --max-macs 120k --quiet")
	if page := readPage(t, filepath.Join("r", "report.html")); !strings.Contains(page, "bnas run --config r/config.yaml --out another-folder --max-time 0s --max-macs 120k<") {
		t.Error("the command of the report repeats another search")
	}
}

// TestLookingDoesNotBlock: an interrupted run can be scored, and then goes on.
func TestLookingDoesNotBlock(t *testing.T) {
	t.Chdir(t.TempDir())
	code, _, stderr := line("run --steps 6 --max-time 1ns --out r --calibration 2 --max-evaluations 2 " + fewFlags + " " + tinyTrain)
	if code != exitInterrupted || !strings.Contains(stderr, "to go on: bnas run --resume r\n") {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	succeeds(t, "score --run r all3x3 --quiet")
	if stdout := succeeds(t, "run --resume r --max-time 0s --quiet"); !strings.Contains(stdout, "steps      6 of 6") {
		t.Errorf("it did not go on: %s", stdout)
	}
}

// TestSmallDataSet: a folder of 24 small images works with the default settings.
func TestSmallDataSet(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, split := range []string{"train", "test"} {
		for i := range 24 {
			dir := filepath.Join("data", split, fmt.Sprint("class", i%2))
			if err := os.MkdirAll(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			writePNG(t, filepath.Join(dir, fmt.Sprint(i, ".png")), uint64(i))
		}
	}
	net := " --channels 4 --cells 1 --height 8 --width 8 --quiet"
	succeeds(t, "train --data folder --data-dir data --steps 2 --out r"+net)
	succeeds(t, "score --run r all3x3 --quiet")
	succeeds(t, "eval --run r all3x3 --quiet")
	succeeds(t, "search --data folder --data-dir data --max-evaluations 3 --calibration 3"+net)

	// Another data set does not take over the folder, of the run or of a file of settings.
	for args, want := range map[string]string{
		"eval --run r all3x3 --data fashion": "2, but fashion has 10",
		"eval --run r all3x3 --data cifar10": "--data-dir is missing",
	} {
		if code, _, stderr := inProcess(strings.Fields(args)...); code == exitOK || !strings.Contains(stderr, want) {
			t.Errorf("%s: %s", args, stderr)
		}
	}
	if err := os.WriteFile("settings.yaml", []byte("data: {name: folder, dir: data}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	succeeds(t, "train --config settings.yaml --data fashion --steps 1 --rank-every 0 --out built-in"+net)
}

// TestOneClassSaysSo: the error names the folder and not a flag that was not given.
func TestOneClassSaysSo(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("data/only", 0o777); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		writePNG(t, filepath.Join("data", "only", fmt.Sprint(i, ".png")), uint64(i))
	}
	code, _, stderr := line("train --data folder --data-dir data --channels 4 --cells 1 --height 8 --width 8 --quiet --out new")
	if code != exitFailure || stderr != "bnas: data has one class, \"only\": at least two are needed to tell images apart\n" {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// TestSizeOfOwnImagesNamesFlags: own images of a size that the space cannot halve need --height and --width, and work with them.
func TestSizeOfOwnImagesNamesFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	const n, side = 12, 30
	for _, split := range []string{"train", "t10k"} {
		images := append(binary.BigEndian.AppendUint32(nil, 0x803), 0, 0, 0, n, 0, 0, 0, side, 0, 0, 0, side)
		labels := append(binary.BigEndian.AppendUint32(nil, 0x801), 0, 0, 0, n)
		for i := range n {
			labels = append(labels, byte(i%2))
			for p := range side * side {
				images = append(images, byte(i+p))
			}
		}
		for name, text := range map[string][]byte{"-images-idx3-ubyte": images, "-labels-idx1-ubyte": labels} {
			if err := os.WriteFile(split+name, text, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	train := "train --data idx --data-dir . --channels 4 --cells 1 --batch 4 --steps 1 --rank-every 0 --pad-crop 0 --quiet --out new"
	code, _, stderr := line(train)
	if code != exitUsage || !strings.HasPrefix(stderr, "bnas: --height 30: ") || !strings.Contains(stderr, "(nearest: 32); --width 30: ") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if _, err := os.Lstat("new"); err == nil {
		t.Error("the folder is there")
	}
	succeeds(t, train+" --height 32 --width 32")
}

// TestTooFewImagesNamesFlags: if the images are too few, the error names what this command can change.
func TestTooFewImagesNamesFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("many.yaml", []byte("score: {images: 60000}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]string{
		"train --out new":    "lower score.images in the file of --config, or train without a ranking: --rank-every 0",
		"run --out new":      "lower --images or --mc-batches",
		"score --sample 1":   "lower --images or --mc-batches",
		"search --budget 1m": "lower --images or --mc-batches",
	} {
		code, _, stderr := line(command + " --quiet --config many.yaml " + netFlags)
		if code != exitFailure || !strings.HasSuffix(stderr, "images, fashion has 7000 to give; "+want+"\n") {
			t.Errorf("%s: exit code %d: %s", command, code, stderr)
		}
	}
}

func writePNG(t *testing.T, path string, seed uint64) {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 8, 8))
	r := philox.New(seed, "pixels", 0)
	for i := range 64 {
		m.SetGray(i%8, i/8, color.Gray{Y: uint8(r.IntN(256))})
	}
	f, err := os.Create(path)
	if err == nil {
		err = png.Encode(f, m)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestFailedStartLeavesNoFolder: whatever is wrong, --out does not exist afterwards.
func TestFailedStartLeavesNoFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, text := range []string{
		"run --calibration 1", "run --composite nothing", "run --images 6000 --holdout 0 --mc-batches 1000", "train --batch 60000", "train --holdout 8000",
		"train --data cifar10 --data-dir nowhere", "train --data folder --data-dir nowhere", "train --classes 3", "train --device nothing",
		"train --config nowhere.yaml", "train --cells 1 --space nas-bench-macro", "search --composite nothing", "score 99999", "score --file nowhere",
	} {
		if code, _, stderr := line(text + " --quiet --out a/b"); code != exitFailure && code != exitUsage {
			t.Errorf("%s: exit code %d: %s", text, code, stderr)
		}
		if _, err := os.Lstat("a"); err == nil {
			t.Errorf("%s: the folder is there", text)
			os.RemoveAll("a")
		}
	}
}

// TestUntrainedSearchSaysSo: a search without --run says in text, log and JSON that the network is untrained.
func TestUntrainedSearchSaysSo(t *testing.T) {
	t.Chdir(t.TempDir())
	search := "search --composite params --strategy random --max-evaluations 2 "
	code, stdout, stderr := line(search + netFlags + " " + fewFlags)
	if code != exitOK || !strings.Contains(stdout, "the network is untrained") || !strings.Contains(stderr, "the network is untrained") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if stdout := succeeds(t, search+"--json --quiet "+netFlags+" "+fewFlags); !strings.Contains(stdout, `"training_steps": 0`) {
		t.Errorf("JSON: %s", stdout)
	}
	succeeds(t, "train --steps 2 --out r "+tinyTrain)
	search += fewFlags + " --run r "
	code, stdout, stderr = line(search)
	if code != exitOK || strings.Contains(stdout+stderr, "untrained") {
		t.Errorf("trained: exit code %d: %s%s", code, stdout, stderr)
	}
	if stdout := succeeds(t, search+"--json --quiet"); !strings.Contains(stdout, `"training_steps": 2`) {
		t.Errorf("JSON: %s", stdout)
	}
}

// TestScoresFileOrFolder: score --out FILE.csv writes a file; correlate --scores takes it, a run folder and a ledger folder.
func TestScoresFileOrFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	score := "score --terms params,macs --sample 12 --quiet " + netFlags + " " + fewFlags
	succeeds(t, score+" --out scores.csv")
	if info, err := os.Stat("scores.csv"); err != nil || !info.Mode().IsRegular() {
		t.Fatalf("scores.csv is no file: %v, %v", info, err)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 2 {
		t.Errorf("more than scores.csv and scores.json: %v, %v", entries, err)
	}
	succeeds(t, score+" --out ledger")
	var outputs []string
	for _, scores := range []string{"scores.csv", "ledger", "ledger/scores.csv"} {
		stdout := succeeds(t, "correlate --resamples 5 --table table.csv --scores "+scores+liveTable(t, "scores.csv", "table.csv"))
		_, figures, _ := strings.Cut(stdout, "\n\n") // behind the header, which names the file
		outputs = append(outputs, figures)
	}
	if outputs[0] != outputs[1] || outputs[1] != outputs[2] || !strings.Contains(outputs[0], "params") {
		t.Errorf("they differ: %q", outputs)
	}
	if err := os.Mkdir("empty", 0o777); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := line("correlate --table table.csv --scores empty")
	if code != exitFailure || !strings.Contains(stderr, "empty/scores.csv") {
		t.Errorf("a folder without scores: exit code %d: %s", code, stderr)
	}
	code, _, stderr = line("search --out x.csv")
	if code != exitUsage || !strings.Contains(stderr, "keeps its scores in a folder") {
		t.Errorf("search --out x.csv: exit code %d: %s", code, stderr)
	}
}

// liveTable writes a table of accuracies of the live architectures of a score file. It returns "", to stand in an expression.
func liveTable(t *testing.T, scores, table string) string {
	t.Helper()
	text, err := os.ReadFile(scores)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("arch,test_accuracy\n")
	for i, row := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		arch, _, _ := strings.Cut(row, ",")
		fmt.Fprintf(&b, "%s,%d\n", arch, i*7%50)
	}
	if err := os.WriteFile(table, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return ""
}

// TestSignalsSave: SIGHUP and SIGTERM save as SIGINT does; the run then goes on. It has more steps than any machine makes here.
func TestSignalsSave(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if signal.Ignored(s) {
			t.Logf("%v is ignored here (nohup): not tested", s)
			continue
		}
		dir := s.String()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "bnas", append([]string{"train", "--steps", "1000000", "--out", dir}, strings.Fields(tinyTrain)...)...)
		var log strings.Builder
		cmd.Stderr = &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, filepath.Join(dir, "checkpoint"))
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(log.String(), "to go on: bnas train --resume "+quote(dir)) {
			t.Errorf("%v: exit code %d: %s", s, code, &log)
			continue
		}
		before, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
		if err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := inProcess("train", "--resume", dir, "--quiet", "--max-time", "1s")
		after, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
		if code != exitInterrupted || err != nil || bytes.Equal(before, after) {
			t.Errorf("%v: it does not go on: exit code %d, %v: %s%s", s, code, err, stdout, stderr)
		}
	}
}

// waitFor waits until a file is there, for as long as a slow machine may need.
func waitFor(t *testing.T, path string) {
	t.Helper()
	for range 6000 {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s did not appear", path)
}

// TestRetrainReadsAPipe: the settings of --config count if the file can be read only once, as a pipe of the shell's <(…).
func TestRetrainReadsAPipe(t *testing.T) {
	t.Chdir(t.TempDir())
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString("train:\n  batch: 4\n"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	succeeds(t, fmt.Sprintf("retrain mixed --steps 1 --test-every 0 %s --config /dev/fd/%d --out own --quiet", netFlags, r.Fd()))
	config, err := os.ReadFile("own/1/config.yaml")
	if err != nil || !strings.Contains(string(config), "\n    batch: 4\n") {
		t.Errorf("the batch of the pipe is lost (%v):\n%s", err, config)
	}
}

// TestFailedExportLeavesThePair: code and weights of an earlier export stay together if the disk has no room for new weights.
func TestFailedExportLeavesThePair(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("net.py", []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	if err := os.Symlink("/dev/full", "net.safetensors"); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := line("export " + netFlags + " all3x3 -o net.py --quiet")
	if code != exitFailure || !strings.HasPrefix(stderr, "bnas: writing net.safetensors: ") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if text, err := os.ReadFile("net.py"); err != nil || string(text) != "old" {
		t.Errorf("the code is %.40q (%v)", text, err)
	}
	if err := os.Remove("net.py"); err != nil {
		t.Fatal(err)
	}
	line("export " + netFlags + " all3x3 -o net.py --quiet")
	if _, err := os.Lstat("net.py"); err == nil {
		t.Error("code without weights")
	}
}
