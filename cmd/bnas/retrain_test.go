package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bnas.example/run"
	"bnas.example/supernet"
)

// TestFound: the networks of --from are the finalists by accuracy, then the others by score.
func TestFound(t *testing.T) {
	dir := t.TempDir()
	space, err := supernet.Lookup("nas-bench-macro")
	if err != nil {
		t.Fatal(err)
	}
	const best = `{"best": [{"arch": "00000000"}, {"arch": "11111111"}, {"arch": "22222222"}, {"arch": "00001111"}]`
	for rest, want := range map[string]string{
		"}": "00000000 11111111 22222222 00001111",
		`, "finalists": [{"arch": "00000000", "validation_accuracy": 0.5}, {"arch": "11111111", "validation_accuracy": 0.25}, {"arch": "22222222", "validation_accuracy": 0.75}]}`: "22222222 00000000 11111111 00001111",
	} {
		if err := os.WriteFile(filepath.Join(dir, run.ResultName), []byte(best+rest), 0o666); err != nil {
			t.Fatal(err)
		}
		archs, err := found(space, dir, 4)
		var texts []string
		for _, a := range archs {
			texts = append(texts, space.Format(a))
		}
		if got := strings.Join(texts, " "); err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", rest, got, err, want)
		}
	}
}

// TestUntestableNetwork: a network whose test has no finite loss keeps its training, and the others are trained.
func TestUntestableNetwork(t *testing.T) {
	const deep = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
	const short = "|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
	dir := filepath.Join(t.TempDir(), "out")
	code, _, stderr := inProcess("retrain", deep, short, "--out", dir, "--cells", "5", "--channels", "4", "--height", "8", "--width", "8", "--holdout", "0",
		"--epochs", "1", "--batch", "2048", "--bn-momentum", "0.0001", "--lr", "30", "--clip-norm", "100000")
	want := "1 of 2 networks cannot be tested; the first: train: step 3: test: the loss with the running statistics is NaN"
	if code != exitFailure || !strings.Contains(stderr, want) || !strings.Contains(stderr, "is kept in "+filepath.Join(dir, "1")) {
		t.Fatalf("exit code %d: %s\nwant %q", code, stderr, want)
	}
	succeeds(t, "export --run "+filepath.Join(dir, "1")+" -o "+filepath.Join(dir, "network.py"))
	if table := readPage(t, filepath.Join(dir, run.RetrainedTableName)); strings.Contains(table, deep) || !strings.Contains(table, short) {
		t.Errorf("the table of results:\n%s", table)
	}
}
