//go:build !noengine

package train

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
)

// The tests on the CPU engine. Its threads are C, which the race detector does not see: make test-race leaves them out, and does
// not compile the engine.

// engine opens the CPU engine.
func engine(t *testing.T, threads int, n cpu.Numerics) kernels.Device {
	dev, err := cpu.New(threads, n)
	if errors.Is(err, kernels.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// A run does not go on with other numerics than it began with.
func TestNumericsStay(t *testing.T) {
	for _, n := range [][2]cpu.Numerics{{cpu.Strict, cpu.Fast}, {cpu.Fast, cpu.Strict}, {cpu.Fast, cpu.Fast}} {
		cfg, dir := quick(4), t.TempDir()
		runUntil(t, rigOn(t, engine(t, 1, n[0]), tiny(t), cfg).trainer(t, cfg, dir), 2)
		err := rigOn(t, engine(t, 1, n[1]), tiny(t), cfg).trainer(t, cfg, dir).Resume()
		want := fmt.Sprintf("made with --numerics %s and this run has %s", n[0], n[1])
		if same := n[0] == n[1]; same && err != nil || !same && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v: error %v", n, err)
		}
	}
}

// On the CPU engine a run with one thread must have the same result as a run that is interrupted and resumed with two.
func TestResumeOnTheEngine(t *testing.T) {
	for name, cfg := range variants(8) {
		want := run(t, rigOn(t, engine(t, 1, cpu.Strict), tiny(t), cfg).trainer(t, cfg, t.TempDir()))
		dir := t.TempDir()
		runUntil(t, rigOn(t, engine(t, 1, cpu.Strict), tiny(t), cfg).trainer(t, cfg, dir), 3)
		tr := rigOn(t, engine(t, 2, cpu.Strict), tiny(t), cfg).trainer(t, cfg, dir)
		if err := tr.Resume(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(run(t, tr), want) {
			t.Errorf("%s: the final checkpoint differs", name)
		}
	}
}

// Training with drop-path gives the same bits on one thread and on two, and if it is interrupted.
func TestDropPathResumes(t *testing.T) {
	cfg := dropConfig(12)
	want := run(t, rigOn(t, engine(t, 1, cpu.Strict), dropNet, cfg).trainer(t, cfg, t.TempDir()))
	if got := interrupted(t, engine(t, 1, cpu.Strict), engine(t, 2, cpu.Strict), cfg); !bytes.Equal(got, want) {
		t.Error("the resumed run has another checkpoint")
	}
}

// Training with an auxiliary head, drop-path and an average has the same bits on one thread and on two, and if it is interrupted.
// The checkpoint has the head, with its average; the running statistics are those of the network alone.
func TestAuxiliaryResumes(t *testing.T) {
	net, cfg := headConfig(8)
	tr := rigOn(t, engine(t, 1, cpu.Strict), net, cfg).trainer(t, cfg, t.TempDir())
	want := run(t, tr)
	dir := t.TempDir()
	runUntil(t, rigOn(t, engine(t, 1, cpu.Strict), net, cfg).trainer(t, cfg, dir), 6)
	again := rigOn(t, engine(t, 2, cpu.Strict), net, cfg).trainer(t, cfg, dir)
	if err := again.Resume(); err != nil {
		t.Fatal(err)
	}
	if got := run(t, again); !bytes.Equal(got, want) {
		t.Error("the resumed run has another checkpoint")
	}
	c, _, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	slots := 0
	for _, a := range c.Arrays {
		if a.Param == "auxiliary_head.features.5.weight" {
			slots++
		}
	}
	if want := 3; slots != want { // the weight, its velocity and its average
		t.Errorf("the checkpoint has %d arrays of the head's weight, want %d", slots, want)
	}
	if got, want := len(tr.running.Mean), tr.network.BNParams()/2; got != want || got == tr.training.BNParams()/2 {
		t.Errorf("%d running means, want %d", got, want)
	}
}
