package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// room is where goroutines that stand for processes exchange what they have.
type room struct {
	mu     sync.Mutex
	full   *sync.Cond
	parts  [][]byte // of the ranks that have come
	joined []byte   // of the last time that all had come
	here   int
	rounds int
}

func newRoom(ranks int) *room {
	r := &room{parts: make([][]byte, ranks)}
	r.full = sync.NewCond(&r.mu)
	return r
}

// seat is the Exchange of a rank in a room.
type seat struct {
	*room
	rank int
}

func (s seat) Rank() int            { return s.rank }
func (s seat) Ranks() int           { return len(s.parts) }
func (s seat) Name(rank int) string { return fmt.Sprintf("rank %d", rank) }

func (s seat) Gather(all []byte, lengths []int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	begin := 0
	for _, n := range lengths[:s.rank] {
		begin += n
	}
	s.parts[s.rank] = slices.Clone(all[begin : begin+lengths[s.rank]])
	if s.here++; s.here == len(s.parts) {
		s.joined, s.here, s.rounds = slices.Concat(s.parts...), 0, s.rounds+1
		s.full.Broadcast()
	} else {
		for round := s.rounds; s.rounds == round; {
			s.full.Wait()
		}
	}
	if len(s.joined) != len(all) {
		return fmt.Errorf("%d bytes, want %d", len(s.joined), len(all))
	}
	copy(all, s.joined)
	return nil
}

// ranks calls f for each rank of a room, all at a time, and returns their errors.
func ranks(n int, f func(x Exchange) error) []error {
	r, errs := newRoom(n), make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { errs[i] = f(seat{r, i}) })
	}
	wait.Wait()
	return errs
}

func shardConfig() Config {
	cfg := quick(4)
	cfg.Batch, cfg.Shards = 8, 4
	return cfg
}

// dividedConfigs are trainings whose steps have several parts.
func dividedConfigs() map[string]Config {
	uniform, strict, both, fixed := shardConfig(), quick(4), shardConfig(), fixedConfig(4)
	strict.Sampling = Strict
	both.Sampling, both.Optimizer, both.CheckpointEvery = Strict, AdamW, 1
	fixed.Batch, fixed.Shards, fixed.EMA, fixed.ClipNorm = 8, 4, 0.9, 0.1
	return map[string]Config{"uniform": uniform, "strict": strict, "strict in shards": both, "fixed": fixed}
}

// trainRanks trains with n ranks, each with a folder of its own below dir, from the checkpoint in dir/0 if there is one.
func trainRanks(t *testing.T, net supernet.Config, cfg Config, n int, dir string, prepare func(rank int, tr *Trainer) context.Context) []error {
	trainers := make([]*Trainer, n)
	contexts := make([]context.Context, n)
	for i := range trainers {
		folder := fmt.Sprint(dir, "/0")
		trainers[i] = newRig(t, net, cfg).trainer(t, cfg, folder)
		if err := trainers[i].Resume(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if i > 0 {
			trainers[i].dir = fmt.Sprint(dir, "/", i)
		}
		contexts[i] = prepare(i, trainers[i])
	}
	return ranks(n, func(x Exchange) error {
		tr := trainers[x.Rank()]
		if err := tr.Join(x); err != nil {
			return err
		}
		return tr.Run(contexts[x.Rank()], nil)
	})
}

func undisturbed(int, *Trainer) context.Context { return context.Background() }

// The checkpoint of several ranks is that of one process, to the bit. Ranks above 0 write nothing.
func TestRanksEqualOneProcess(t *testing.T) {
	net := tiny(t)
	for name, cfg := range dividedConfigs() {
		want := run(t, newRig(t, net, cfg).trainer(t, cfg, t.TempDir()))
		numbers := []int{1, 2, 3, 4}
		if testing.Short() { // under the race detector
			numbers = []int{3}
		}
		for _, n := range numbers {
			dir := t.TempDir()
			for rank, err := range trainRanks(t, net, cfg, n, dir, undisturbed) {
				if err != nil {
					t.Fatalf("%s: rank %d of %d: %v", name, rank, n, err)
				}
			}
			if !bytes.Equal(readFile(t, checkpointPath(dir+"/0")), want) {
				t.Errorf("%s: the checkpoint of %d ranks differs from that of one process", name, n)
			}
			if _, err := os.Stat(dir + "/1"); err == nil {
				t.Errorf("%s: rank 1 has made a folder", name)
			}
		}
	}
	own := dropConfig(8)
	own.Shards, own.BNMomentum, own.EMA, own.TestEvery = 2, 0, 0, 0
	want, dir := run(t, newRig(t, dropNet, own).trainer(t, own, t.TempDir())), t.TempDir()
	for _, err := range trainRanks(t, dropNet, own, 2, dir, undisturbed) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(readFile(t, checkpointPath(dir+"/0")), want) {
		t.Error("drop-path: the checkpoint of two ranks differs from that of one process")
	}
}

// A signal to one rank ends all of them after the same step. The run goes on with another number of ranks, to the same bits.
func TestRanksLeaveTogether(t *testing.T) {
	cfg := shardConfig()
	cfg.Steps = 8
	net := tiny(t)
	want := run(t, newRig(t, net, cfg).trainer(t, cfg, t.TempDir()))
	dir := t.TempDir()
	for _, n := range []int{3, 2, 4} {
		errs := trainRanks(t, net, cfg, n, dir, func(rank int, tr *Trainer) context.Context {
			ctx, cancel := context.WithCancel(context.Background())
			t.Cleanup(cancel)
			from := tr.Step()
			if rank == n-1 {
				return &endsAfter{ctx, func() bool { return tr.Step() >= from+2 }}
			}
			return ctx
		})
		for rank, err := range errs {
			if !errors.Is(err, ErrInterrupted) {
				t.Fatalf("rank %d of %d: %v, want ErrInterrupted", rank, n, err)
			}
		}
	}
	for _, err := range trainRanks(t, net, cfg, 2, dir, undisturbed) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(readFile(t, checkpointPath(dir+"/0")), want) {
		t.Error("the checkpoint of the interrupted run differs from that of an uninterrupted one")
	}
}

// endsAfter is a context that has ended when a condition holds.
type endsAfter struct {
	context.Context
	ended func() bool
}

func (c *endsAfter) Err() error {
	if c.ended() {
		return context.Canceled
	}
	return nil
}

func TestRanksEndWithTheBudget(t *testing.T) {
	cfg := shardConfig()
	cfg.MaxTime = time.Nanosecond
	for rank, err := range trainRanks(t, tiny(t), cfg, 2, t.TempDir(), undisturbed) {
		if !errors.Is(err, ErrBudget) {
			t.Errorf("rank %d: %v, want ErrBudget", rank, err)
		}
	}
}

// Only rank 0 ranks. When its ranking has settled, all ranks end, and the checkpoint is that of one process.
func TestRanksSettle(t *testing.T) {
	cfg := shardConfig()
	cfg.Steps, cfg.RankEvery, cfg.EarlyBird, cfg.Patience = 20, 2, true, 2
	same := func(context.Context) ([]float64, error) { return []float64{1, 2, 3}, nil }
	alone := newRig(t, tiny(t), cfg).trainer(t, cfg, t.TempDir())
	alone.Ranker = same
	want, dir := run(t, alone), t.TempDir()
	errs := trainRanks(t, tiny(t), cfg, 2, dir, func(rank int, tr *Trainer) context.Context {
		if rank == 0 {
			tr.Ranker = same
		}
		return context.Background()
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(readFile(t, checkpointPath(dir+"/0")), want) {
		t.Error("the checkpoint differs from that of one process")
	}
}

func TestAgree(t *testing.T) {
	here := errors.New("no images")
	for name, c := range map[string]struct {
		programs [3]string
		errs     [3]error
		want     string // on rank 0
	}{
		"all":             {[3]string{"1", "1", "1"}, [3]error{}, ""},
		"rank 0":          {[3]string{"1", "1", "1"}, [3]error{here, nil, here}, "no images"},
		"another":         {[3]string{"1", "1", "1"}, [3]error{nil, nil, here}, "rank 2: no images"},
		"another version": {[3]string{"1", "2", "1"}, [3]error{}, "rank 1 has bnas 2, rank 0 has 1"},
	} {
		for rank, err := range ranks(3, func(x Exchange) error { return Agree(x, c.programs[x.Rank()], c.errs[x.Rank()]) }) {
			switch {
			case c.want == "":
				if err != nil {
					t.Errorf("%s: rank %d: %v", name, rank, err)
				}
			case rank > 0 && !errors.Is(err, ErrTold), rank == 0 && (err == nil || !strings.HasPrefix(err.Error(), c.want)):
				t.Errorf("%s: rank %d: %v, want %s", name, rank, err, c.want)
			}
		}
	}
}

// Ranks that would not compute the same bits are refused before the first step.
func TestRanksMeet(t *testing.T) {
	cfg, other := shardConfig(), shardConfig()
	other.LR = 0.3
	for name, c := range map[string]struct {
		change func(r rig) *Trainer
		want   string
	}{
		"setting": {func(r rig) *Trainer { return r.trainer(t, other, t.TempDir()) }, "rank 1 has training lr 0.3, rank 0 has 0.2"},
		"parameters": {func(r rig) *Trainer {
			if err := r.store.Write(kernels.Data, make([]float32, r.store.Params()[r.net.BNs()[0].Gamma].Len()), r.net.BNs()[0].Gamma); err != nil {
				t.Error(err)
			}
			return r.trainer(t, cfg, t.TempDir())
		}, "rank 1 has parameters (hash) "},
	} {
		trainers := []*Trainer{newRig(t, tiny(t), cfg).trainer(t, cfg, t.TempDir()), c.change(newRig(t, tiny(t), cfg))}
		errs := ranks(2, func(x Exchange) error {
			tr := trainers[x.Rank()]
			if err := tr.Join(x); err != nil {
				return err
			}
			return tr.Run(context.Background(), nil)
		})
		for rank, err := range errs {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: rank %d: %v, want %s", name, rank, err, c.want)
			}
		}
	}
}

func TestTooManyRanks(t *testing.T) {
	cfg := shardConfig()
	err := newRig(t, tiny(t), cfg).trainer(t, cfg, t.TempDir()).Join(seat{newRoom(5), 0})
	if err == nil || !strings.Contains(err.Error(), "train.shards 4: a step has 4 parts for 5 processes") {
		t.Errorf("%v", err)
	}
}

type broken struct{ seat }

func (broken) Gather([]byte, []int) error { return errors.New("the cable is out") }

func TestBrokenExchange(t *testing.T) {
	cfg := shardConfig()
	tr := newRig(t, tiny(t), cfg).trainer(t, cfg, t.TempDir())
	if err := tr.Join(broken{seat{newRoom(2), 0}}); err != nil {
		t.Fatal(err)
	}
	if err := tr.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "the cable is out") {
		t.Errorf("%v: a failed exchange is no error", err)
	}
}

// Each part has one rank, and the numbers of parts differ by one at most.
func TestPortion(t *testing.T) {
	for items := 1; items < 40; items++ {
		for n := 1; n <= items; n++ {
			next := 0
			for rank := range n {
				begin, end := portion(items, rank, n)
				if begin != next || end-begin < items/n || end-begin > (items+n-1)/n {
					t.Fatalf("%d parts, rank %d of %d: %d to %d", items, rank, n, begin, end)
				}
				next = end
			}
			if next != items {
				t.Fatalf("%d parts for %d ranks: %d are divided", items, n, next)
			}
		}
	}
}

// A sharded step updates with the mean of the gradients of its shards. Each shard has its own statistics.
func TestShardsMean(t *testing.T) {
	cfg := shardConfig()
	cfg.Shards = 2
	r := newRig(t, tiny(t), cfg)
	tr := r.trainer(t, cfg, t.TempDir())
	batch, err := r.loader.At(0)
	if err != nil {
		t.Fatal(err)
	}
	paths := cfg.Paths(r.net.Space, 0)
	p, err := r.net.Program(paths[0])
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
		if _, err := tr.gradient(tr.lane(0), 0, p, i*half, showing(batch).shard(i, 2)); err != nil {
			t.Fatal(err)
		}
		shard[i] = grads()
	}
	if err := tr.backward(&underway{paths: paths}, showing(batch)); err != nil {
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
