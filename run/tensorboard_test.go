package run

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bnas.example/train"
)

// sampleMetrics are lines of two processes: the time starts again.
const sampleMetrics = `{"kind":"rank","step":0,"tau":null,"settled":0}
{"kind":"step","step":10,"epoch":0,"loss":2.5,"accuracy":0.25,"lr":0.02,"grad_norm":3,"time":{"elapsed":4,"images_per_second":100}}
{"kind":"gamma","step":10,"mean_abs_gamma":{"1<-0":{"conv":1,"pool":2},"2<-0":{"conv":3}},"node_norm":{"min":1,"median":2,"max":3},"effective_lr":{"min":1,"median":2,"max":3},"histograms":{"conv":{"min":1,"max":2,"sum":3,"squares":5,"counts":[1,1]}}}
{"kind":"step","step":20,"epoch":1,"loss":2,"accuracy":0.5,"lr":0.01,"grad_norm":2,"time":{"elapsed":3,"images_per_second":200}}
{"kind":"epoch","step":20,"epoch":1,"loss":2.25,"accuracy":0.5,"lr":0.01,"grad_norm":2,"time":{"elapsed":3,"images_per_second":150}}
{"kind":"test","step":20,"epoch":1,"accuracy":0.75,"nll":1.5,"images":100}
{"kind":"rank","step":20,"tau":0.9,"settled":1}
{"kind":"of a later version","step":20}
`

// folderWith makes a run folder with metrics.
func folderWith(t testing.TB, metrics string) string {
	t.Helper()
	dir := t.TempDir()
	if err := writeConfig(dir, Default()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, train.MetricsName), []byte(metrics), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestEventsWhileTrainingAndAfter: lines that are written bit by bit give the events of the whole file.
func TestEventsWhileTrainingAndAfter(t *testing.T) {
	at := time.Unix(1000, 0)
	dir := folderWith(t, sampleMetrics)
	var whole bytes.Buffer
	e, err := beginEvents(&whole, dir, at)
	if err == nil {
		err = e.follow()
	}
	if err != nil {
		t.Fatal(err)
	}
	e.close()

	dir = folderWith(t, "")
	path := filepath.Join(dir, train.MetricsName)
	var live bytes.Buffer
	if e, err = beginEvents(&live, dir, at.Add(-7*time.Second)); err != nil { // 4 s of the first process and 3 s of the second before at
		t.Fatal(err)
	}
	defer e.close()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for piece := []byte(sampleMetrics); len(piece) > 0; {
		n := min(len(piece), 100)
		if _, err := f.Write(piece[:n]); err != nil {
			t.Fatal(err)
		}
		piece = piece[n:]
		if err := e.follow(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(whole.Bytes(), live.Bytes()) {
		t.Errorf("%d bytes while training, %d after it", live.Len(), whole.Len())
	}
	for _, tag := range []string{
		"train/loss", "train/images_per_second", "epoch/accuracy", "test/nll", "early_bird/tau", "mean_abs_gamma/pool", "gamma/conv",
		"node_norm/median", "config", "hparams", "train.optimizer",
	} {
		if !bytes.Contains(whole.Bytes(), []byte(tag)) {
			t.Errorf("no %s", tag)
		}
	}
}

// TestClock: the time of an event counts the processes of a run one after the other, and ends at the given time.
func TestClock(t *testing.T) {
	dir := folderWith(t, sampleMetrics)
	e, err := beginEvents(&bytes.Buffer{}, dir, time.Unix(1000, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	if got := e.clock.now(); got != 993 {
		t.Errorf("the file starts at %v, want 7 s before 1000", got)
	}
	if err := e.follow(); err != nil {
		t.Fatal(err)
	}
	if got := e.clock.now(); got != 1000 {
		t.Errorf("the last event is at %v, want 1000", got)
	}
}

// TestWriteEvents: a folder has one event file of bnas, and other programs' stay.
func TestWriteEvents(t *testing.T) {
	dir := folderWith(t, sampleMetrics)
	for _, name := range []string{"events.out.tfevents.0000000001.bnas", "events.out.tfevents.1.host"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	path, err := WriteEvents(dir, dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := filepath.Glob(filepath.Join(dir, "events.*"))
	if diff := cmp.Diff([]string{filepath.Join(dir, "events.out.tfevents.1.host"), path}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// TestLeaves: whole numbers keep all of their digits, and every value is one line.
func TestLeaves(t *testing.T) {
	got, err := leaves([]byte("seed: 18446744073709551615\nhalf: true\ndata:\n  name: fashion\n  mean: [1, 2]\n  augment: {flip: false}\ntrain: {lr: 2e-2, least: -3}\n" +
		"stages:\n  - {out: 8, of: [1, a]}\n  - {out: 16}\n"))
	want := map[string]any{
		"seed": uint64(18446744073709551615), "half": true, "data.name": "fashion", "data.mean": "1, 2", "data.augment.flip": false, "train.lr": 0.02,
		"train.least": int64(-3), "stages": "{out: 8, of: [1, a]}, {out: 16}",
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// TestLeavesOfAnOwnSpace: the file of a user's own space is settings like any others.
func TestLeavesOfAnOwnSpace(t *testing.T) {
	c := Default()
	c.Supernet.Chain = "name: short\nhead: 64\nfixed: {1: mb3_k3}\n"
	got, err := c.Leaves()
	for key, want := range map[string]any{"supernet.chain": nil, "supernet.chain.name": "short", "supernet.chain.head": uint64(64), "supernet.chain.fixed.1": "mb3_k3"} {
		if err != nil || got[key] != want {
			t.Errorf("%s: %v, %v, want %v", key, got[key], err, want)
		}
	}
}

// FuzzEvents: any metrics give an event file, or an error of one line of them.
func FuzzEvents(f *testing.F) {
	f.Add([]byte(sampleMetrics))
	f.Add([]byte(`{"kind":"gamma","histograms":{"a":{"counts":[]},"b":{"min":1e400,"counts":[-1]}}}`))
	f.Add([]byte("{\"kind\":\"step\",\"time\":{\"elapsed\":-1}}\n"))
	f.Fuzz(func(t *testing.T, metrics []byte) {
		dir := folderWith(t, string(metrics))
		e, err := beginEvents(&bytes.Buffer{}, dir, time.Unix(1, 0))
		if err != nil {
			return
		}
		defer e.close()
		_ = e.follow()
	})
}

// A line of the metrics that cannot be read is named, and what to do with it.
func TestDamagedMetrics(t *testing.T) {
	dir := folderWith(t, `{"kind":"test","step":1}`+"\nrubbish\n")
	_, err := WriteEvents(dir, dir)
	want := "metrics: " + filepath.Join(dir, train.MetricsName) + ": line 2: "
	if err == nil || !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), "; take the line away") {
		t.Errorf("%v", err)
	}
}
