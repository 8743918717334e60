package train

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// together is an Exchange between two goroutines that stand for two processes with one shard each.
type together struct {
	shard int
	room  *room
}

type room struct {
	mu   sync.Mutex
	full *sync.Cond
	here [2]*Contribution
	left int
}

func (x together) Owns(shard int) bool { return shard == x.shard }

func (x together) Gather(own []Contribution) ([]Contribution, error) {
	r := x.room
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.here[x.shard] != nil { // a goroutine has not yet taken the gradients of the step before
		r.full.Wait()
	}
	r.here[x.shard] = &own[x.shard]
	r.full.Broadcast()
	for r.here[0] == nil || r.here[1] == nil {
		r.full.Wait()
	}
	all := []Contribution{*r.here[0], *r.here[1]}
	if r.left++; r.left == 2 {
		r.here, r.left = [2]*Contribution{}, 0
		r.full.Broadcast()
	}
	return all, nil
}

func shardConfig() Config {
	cfg := quick(4)
	cfg.Shards = 2
	return cfg
}

// Two processes with one shard each have the same result, to the bit, as one process with both.
func TestShardsOfTwoProcesses(t *testing.T) {
	own := dropConfig(8)
	own.Shards, own.BNMomentum, own.EMA, own.TestEvery = 2, 0, 0, 0
	for name, c := range map[string]struct {
		net supernet.Config
		cfg Config
	}{"supernet": {tiny(t), shardConfig()}, "drop-path": {dropNet, own}} {
		alone := newRig(t, c.net, c.cfg)
		run(t, alone.trainer(t, c.cfg, t.TempDir()))

		r := &room{}
		r.full = sync.NewCond(&r.mu)
		rigs := [2]rig{newRig(t, c.net, c.cfg), newRig(t, c.net, c.cfg)}
		var wait sync.WaitGroup
		for i, rig := range rigs {
			tr := rig.trainer(t, c.cfg, t.TempDir())
			tr.Exchange = together{i, r}
			wait.Go(func() { run(t, tr) })
		}
		wait.Wait()
		want := values(t, alone.store)
		for i, rig := range rigs {
			for id, v := range values(t, rig.store) {
				if !slices.Equal(v, want[id]) {
					t.Fatalf("%s: process %d: parameter %d differs from that of one process", name, i, id)
				}
			}
		}
	}
}

// A sharded step updates with the mean of the gradients of its shards. Each shard has its own statistics.
func TestShardsMean(t *testing.T) {
	cfg := shardConfig()
	r := newRig(t, tiny(t), cfg)
	tr := r.trainer(t, cfg, t.TempDir())
	batch, err := r.loader.At(0)
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.net.Program(cfg.Paths(r.net.Space, 0)[0])
	if err != nil {
		t.Fatal(err)
	}
	ids := r.net.Trainable(cfg.Train, p)
	grads := func() (all []float32) {
		for _, id := range ids {
			g := make([]float32, r.store.Params()[id].Len())
			if err := r.store.Read(kernels.Grad, g, id); err != nil {
				t.Fatal(err)
			}
			all = append(all, g...)
		}
		return all
	}
	half := len(batch.Labels) / 2
	var shard [2][]float32
	for i := range shard {
		if _, err := tr.gradient(0, p, i*half, showing(batch).shard(i, 2)); err != nil {
			t.Fatal(err)
		}
		shard[i] = grads()
	}
	if _, err := tr.sharded(0, p, showing(batch)); err != nil {
		t.Fatal(err)
	}
	for k, g := range grads() {
		if want := float32((float64(shard[0][k]) + float64(shard[1][k])) / 2); g != want {
			t.Fatalf("gradient %d is %v, the shards' mean is %v", k, g, want)
		}
	}
	if slices.Equal(shard[0], shard[1]) {
		t.Error("both shards have the same gradients")
	}
}

type broken struct{ Alone }

func (broken) Gather([]Contribution) ([]Contribution, error) {
	return nil, errors.New("the cable is out")
}

func TestShardsFail(t *testing.T) {
	cfg := shardConfig()
	tr := newRig(t, tiny(t), cfg).trainer(t, cfg, t.TempDir())
	tr.Exchange = broken{}
	if err := tr.Run(t.Context(), func(Progress) {}); err == nil {
		t.Error("a failed exchange is no error")
	}
}
