package train

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

func sample() *checkpoint {
	return &checkpoint{
		header: header{
			Device: "reference", Total: 9, StepsPerEpoch: 4, Identity: []Field{{"a", "1"}},
			State:  state{Step: 3, Counts: []int{3, 0}, Lines: 2, Line: tally{Steps: 1, Loss: 0.1}, Ranking: ranking{At: -1}},
			Arrays: []array{{"stem.gamma", kernels.Data, 2}, {"stem.gamma", kernels.Moment1, 2}, {"none", kernels.Data, 0}},
		},
		values: [][]float32{{1, -0.5}, {0, 3e-40}, {}},
	}
}

func encoded(t testing.TB, c *checkpoint) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := writeCheckpoint(&b, c.header, inMemory(c.values)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func inMemory(values [][]float32) iter.Seq2[[]float32, error] {
	return func(yield func([]float32, error) bool) {
		for _, v := range values {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func decodeBytes(b []byte) (*checkpoint, error) { return decode(bytes.NewReader(b), int64(len(b))) }

func TestCheckpointRoundTrip(t *testing.T) {
	want := sample()
	b := encoded(t, want)
	got, err := decodeBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error(cmp.Diff(want, got, cmp.AllowUnexported(checkpoint{})))
	}
	if !bytes.Equal(encoded(t, got), b) {
		t.Error("a second encoding differs")
	}
}

// The pieces in which the store is read do not change a checkpoint.
func TestCheckpointInPieces(t *testing.T) {
	cfg := quick(2)
	cfg.Train = supernet.All
	tr := fresh(t, cfg, t.TempDir())
	want := run(t, tr)
	for _, elements := range []int{1, 100, 1000} {
		var b bytes.Buffer
		h := tr.position()
		if err := writeCheckpoint(&b, h, tr.values(h.Arrays, elements)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("pieces of %d elements: another checkpoint", elements)
		}
	}
}

// Writing and reading a checkpoint holds no second copy of its arrays.
func TestCheckpointIsStreamed(t *testing.T) {
	const arrays, size = 8, 1 << 18 // 8 MiB
	c := &checkpoint{}
	for i := range arrays {
		c.Arrays = append(c.Arrays, array{string(rune('a' + i)), kernels.Data, size})
		c.values = append(c.values, make([]float32, size))
	}
	allocated := func(f func()) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	b := encoded(t, c)
	if n := allocated(func() { writeCheckpoint(io.Discard, c.header, inMemory(c.values)) }); n > 4*size {
		t.Errorf("writing %d bytes allocates %d", len(b), n)
	}
	if n := allocated(func() { decodeBytes(b) }); n > 4*size*(arrays+1) {
		t.Errorf("reading %d bytes allocates %d", len(b), n)
	}
}

func TestEncodeRefusesNonFiniteValues(t *testing.T) {
	for _, v := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		c := sample()
		c.values[1][1] = v
		var bad *NonFiniteError
		if err := writeCheckpoint(io.Discard, c.header, inMemory(c.values)); !errors.As(err, &bad) || bad.Layer != "stem.gamma" {
			t.Errorf("%v: writeCheckpoint gave %v", v, err)
		}
	}
}

func TestDecodeRefusesEveryTruncationAndFlip(t *testing.T) {
	b := encoded(t, sample())
	for n := range b {
		if _, err := decodeBytes(b[:n]); !errors.Is(err, errDamaged) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(b), err)
		}
		flipped := bytes.Clone(b)
		flipped[n] ^= 0x10
		if _, err := decodeBytes(flipped); !errors.Is(err, errDamaged) {
			t.Fatalf("byte %d flipped: %v", n, err)
		}
	}
	if _, err := decodeBytes(append(bytes.Clone(b), 0)); !errors.Is(err, errDamaged) {
		t.Errorf("a byte more: %v", err)
	}
}

func TestDecodeNamesAnUnknownVersion(t *testing.T) {
	b := encoded(t, sample())
	binary.LittleEndian.PutUint32(b[8:], 7)
	if _, err := decodeBytes(sealed(b)); err == nil || errors.Is(err, errDamaged) || !strings.Contains(err.Error(), "format 7") {
		t.Errorf("decode gave %v", err)
	}
}

// FuzzDecode gives the parser files with a correct checksum, so that it reaches the lengths inside.
func FuzzDecode(f *testing.F) {
	b := encoded(f, sample())
	f.Add(b)
	f.Add([]byte{})
	for _, at := range []int{8, 12, 16, 23, preamble, len(b) - 40} {
		c := bytes.Clone(b)
		c[at] = 0xff
		f.Add(c)
	}
	f.Add(bytes.Replace(b, []byte(`"Len":2`), []byte(`"Len":9`), 1))
	f.Add(bytes.Replace(b, []byte(`"Len":2`), []byte(`"Len":-`), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		decodeBytes(b)
		b = sealed(b)
		c, err := decodeBytes(b)
		h, headErr := decodeHead(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if headErr != nil || !reflect.DeepEqual(*h, c.header) {
			t.Fatalf("the head alone is %+v, %v, in the whole file %+v", h, headErr, c.header)
		}
		size := 0
		for i, v := range c.values {
			if len(v) != c.Arrays[i].Len {
				t.Fatalf("array %d has %d elements, header says %d", i, len(v), c.Arrays[i].Len)
			}
			size += 4 * len(v)
		}
		if size > len(b) {
			t.Fatalf("%d bytes of arrays from %d bytes", size, len(b))
		}
	})
}

func TestResumeFallsBackToThePredecessor(t *testing.T) {
	cfg := quick(10)
	cfg.CheckpointEvery = 3
	want := run(t, fresh(t, cfg, t.TempDir()))
	damages := map[string]func(b []byte) []byte{
		"truncated": func(b []byte) []byte { return b[:len(b)/2] },
		"flipped":   func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"empty":     func([]byte) []byte { return nil },
		"missing":   nil,
	}
	for name, damage := range damages {
		dir := t.TempDir()
		runUntil(t, fresh(t, cfg, dir), 8)
		newest := checkpointPath(dir)
		if damage == nil {
			if err := os.Remove(newest); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(newest, damage(readFile(t, newest)), 0o666); err != nil {
			t.Fatal(err)
		}
		r := newRig(t, tiny(t), cfg)
		if p, err := Restore(dir, r.net, r.store); err != nil || p.Step != 6 || p.Damage == nil {
			t.Errorf("%s: Restore gave %+v, %v; want step 6 and the damage", name, p, err)
		}
		tr := fresh(t, cfg, dir)
		if err := tr.Resume(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if tr.Step() != 6 {
			t.Errorf("%s: resumed at step %d, want 6", name, tr.Step())
		}
		if !bytes.Equal(run(t, tr), want) {
			t.Errorf("%s: the final checkpoint differs", name)
		}
		if c, err := loadFile(filepath.Join(dir, PredecessorName)); err != nil || c.State.Step != 9 {
			t.Errorf("%s: the predecessor is %v, %v; want that of step 9", name, c, err)
		}
	}
}

func TestResumeWithoutAWholeCheckpoint(t *testing.T) {
	dir := t.TempDir()
	if err := fresh(t, quick(3), dir).Resume(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty folder: %v", err)
	}
	for _, name := range []string{CheckpointName, PredecessorName} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("bnasckpt"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	err := fresh(t, quick(3), dir).Resume()
	if !errors.Is(err, errDamaged) || !strings.Contains(err.Error(), CheckpointName) || !strings.Contains(err.Error(), PredecessorName+": ") || !strings.Contains(err.Error(), renewal) {
		t.Errorf("both damaged: %v", err)
	}
}

func TestResumeRefusesAnotherRun(t *testing.T) {
	cfg := quick(4)
	dir := t.TempDir()
	runUntil(t, fresh(t, cfg, dir), 2)
	before := readFile(t, checkpointPath(dir))

	tests := []struct {
		name   string
		want   string
		change func(*supernet.Config, *Config)
		seed   uint64 // of the loader; 0: unchanged
	}{
		{"space", "supernet space is nas-bench-201, here it is nas-bench-macro", func(s *supernet.Config, _ *Config) {
			s.Space, s.Cells = "nas-bench-macro", 0
		}, 0},
		{"placement", "supernet bn is fair, here it is standard", func(s *supernet.Config, _ *Config) { s.BN = supernet.Standard }, 0},
		{"frozen weights", "supernet seed is 3, here it is 4", func(s *supernet.Config, _ *Config) { s.Seed = 4 }, 0},
		{"width", "supernet channels is 4, here it is 5", func(s *supernet.Config, _ *Config) { s.Channels = 5 }, 0},
		{"paths", "training seed is 5, here it is 6", func(_ *supernet.Config, c *Config) { c.Seed = 6 }, 0},
		{"learning rate", "training lr is 0.2, here it is 0.3", func(_ *supernet.Config, c *Config) { c.LR = 0.3 }, 0},
		{"length", "the run has 4 steps, 3 are asked for", func(_ *supernet.Config, c *Config) { c.Steps = 3 }, 0},
		{"data", "data, augmentation and shuffling", func(*supernet.Config, *Config) {}, 12},
	}
	for _, test := range tests {
		sc, other := tiny(t), cfg
		test.change(&sc, &other)
		r := newRig(t, sc, other)
		if test.seed != 0 {
			r.loader = newLoader(t, other.Batch, test.seed)
		}
		err := r.trainer(t, other, dir).Resume()
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: Resume gave %v, want %q", test.name, err, test.want)
		}
		_, err = Restore(dir, r.net, r.store)
		if foreign := strings.HasPrefix(test.want, "supernet"); (err != nil) != foreign {
			t.Errorf("%s: Restore gave %v", test.name, err)
		}
	}
	if !bytes.Equal(readFile(t, checkpointPath(dir)), before) {
		t.Error("the checkpoint changed")
	}

	free := cfg
	free.CheckpointEvery, free.MaxTime = 1, 1<<40
	if err := fresh(t, free, dir).Resume(); err != nil {
		t.Errorf("another checkpoint interval and budget: %v", err)
	}
}

func TestRestore(t *testing.T) {
	cfg := quick(5)
	cfg.Train = supernet.AllBNAndClassifier
	trained := newRig(t, tiny(t), cfg)
	dir := t.TempDir()
	run(t, trained.trainer(t, cfg, dir))
	r := newRig(t, tiny(t), cfg)
	p, err := Restore(dir, r.net, r.store)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Position{Step: 5, Total: 5, StepsPerEpoch: 5}); p != want {
		t.Errorf("position is %+v, want %+v", p, want)
	}
	if !reflect.DeepEqual(values(t, r.store), values(t, trained.store)) {
		t.Error("the restored parameters differ from the trained ones")
	}
	if _, err := Restore(t.TempDir(), r.net, r.store); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty folder: %v", err)
	}
}

// A checkpoint must not contain the frozen weights: they follow from the seed.
func TestCheckpointHoldsTrainedParametersOnly(t *testing.T) {
	cfg := quick(3)
	tr := fresh(t, cfg, t.TempDir())
	run(t, tr)
	c, err := loadFile(checkpointPath(tr.dir))
	if err != nil {
		t.Fatal(err)
	}
	kind := map[string]kernels.ParamKind{}
	for _, p := range tr.net.Params() {
		kind[p.Name] = p.Kind
	}
	for _, a := range c.Arrays {
		if k := kind[a.Param]; k != kernels.Gamma && k != kernels.Beta {
			t.Errorf("%s, of kind %d, is stored", a.Param, k)
		}
	}
}

// If the disk is full, the folder is a file, or writing is not permitted, the error is one line and the earlier checkpoint
// is kept.
func TestSaveFails(t *testing.T) {
	cfg := quick(6)
	cfg.CheckpointEvery = 2
	block := map[string]func(t *testing.T, dir string){
		"full disk": func(t *testing.T, dir string) {
			if _, err := os.Stat("/dev/full"); err != nil {
				t.Skip("this system has no /dev/full")
			}
			if err := os.Symlink("/dev/full", filepath.Join(dir, temporaryName)); err != nil {
				t.Fatal(err)
			}
		},
		"no place for the file": func(t *testing.T, dir string) {
			if err := os.MkdirAll(filepath.Join(dir, temporaryName, "x"), 0o777); err != nil {
				t.Fatal(err)
			}
		},
		"no permission": func(t *testing.T, dir string) {
			if os.Geteuid() == 0 {
				t.Skip("root may write everywhere")
			}
			if err := os.Chmod(dir, 0o555); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Chmod(dir, 0o777) })
		},
	}
	for name, f := range block {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			runUntil(t, fresh(t, cfg, dir), 3)
			want := readFile(t, checkpointPath(dir))
			tr := fresh(t, cfg, dir)
			if err := tr.Resume(); err != nil {
				t.Fatal(err)
			}
			f(t, dir)
			err := tr.Run(context.Background(), nil)
			if err == nil || !strings.Contains(err.Error(), "step 5: checkpoint not written, the one before it stays: ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("Run gave %v, want one line that says what was not written", err)
			}
			if !bytes.Equal(readFile(t, checkpointPath(dir)), want) {
				t.Error("the earlier checkpoint changed")
			}
			first := t.TempDir()
			f(t, first)
			if name == "no permission" { // its metrics fail before
				return
			}
			if err := fresh(t, cfg, first).Run(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "checkpoint not written, there is none before it: ") {
				t.Errorf("the first checkpoint: %v", err)
			}
		})
	}
}

func TestRunFolderIsAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := fresh(t, quick(2), name).Run(context.Background(), nil); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("Run gave %v, want one line", err)
	}
}

// sealed replaces the checksum at the end of b by the correct one.
func sealed(b []byte) []byte {
	if len(b) < sha256.Size {
		return b
	}
	content := b[:len(b)-sha256.Size]
	sum := sha256.Sum256(content)
	return append(bytes.Clone(content), sum[:]...)
}
