package run

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/safetensors"
	"bnas.example/supernet"
	"bnas.example/train"
)

const importedArch = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|"

// foreign returns the tensors of a network that is not the seed's.
func foreign(t testing.TB) []safetensors.Tensor {
	t.Helper()
	cfg := tiny()
	cfg.Supernet.Seed = 77
	r, err := Network(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	d := dictOf(t, r)
	var all []safetensors.Tensor
	for _, m := range d.Modules {
		for _, a := range []supernet.Array{m.Weight, m.Bias, m.Mean, m.Variance} {
			if a.Name != "" {
				all = append(all, safetensors.Float32(a.Name, a.Shape, a.Values))
			}
		}
		if m.Kind == supernet.BatchNormModule {
			all = append(all, safetensors.Int64(m.Name+".num_batches_tracked", nil, []int64{7}))
		}
	}
	return all
}

func dictOf(t testing.TB, r *Run) *supernet.StateDict {
	t.Helper()
	a, err := r.Net.Space.Parse(importedArch)
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Net.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	d, err := r.Net.StateDict(r.Store, a, supernet.NewStatistics(p))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// has checks that the run has the parameters of the imported network.
func has(t *testing.T, r *Run, tensors []safetensors.Tensor) {
	t.Helper()
	f := safetensors.File{Tensors: tensors}
	for _, m := range dictOf(t, r).Modules {
		want, _ := f.Tensor(m.Weight.Name)
		if v, err := want.Float32s(); err != nil || !slices.Equal(v, m.Weight.Values) {
			t.Errorf("%s is not the imported one (%v)", m.Weight.Name, err)
		}
	}
}

// importInto imports the foreign network into a new folder.
func importInto(t *testing.T, cfg Config, tensors []safetensors.Tensor) *Run {
	t.Helper()
	r, err := Import(filepath.Join(t.TempDir(), "run"), cfg, importedArch, tensors, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// TestImport: a run starts from an imported network, is opened with it, and training goes on from it. Frozen weights stay those
// of the imported network, and the initial network of ntk is it too.
func TestImport(t *testing.T) {
	tensors := foreign(t)
	r := importInto(t, tiny(), tensors)
	has(t, r, tensors)
	if n, values := r.Imported(); n == 0 || values < n {
		t.Errorf("imported %d tensors with %d values", n, values)
	}
	r.Close()
	opened := reopen(t, r.Dir, Open)
	has(t, opened, tensors)
	if opened.Position.Step != 0 || opened.Position.Total != 6 {
		t.Errorf("opened at %+v", opened.Position)
	}
	start, err := opened.initialStore()
	if err != nil {
		t.Fatal(err)
	}
	for id, p := range opened.Net.Params() {
		a, b := make([]float32, p.Len()), make([]float32, p.Len())
		if err := errors.Join(start.Read(kernels.Data, a, kernels.ParamID(id)), opened.Store.Read(kernels.Data, b, kernels.ParamID(id))); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a, b) {
			t.Errorf("%s at the start is not that of the run", p.Name)
		}
	}
	opened.Close()
	resumed := reopen(t, r.Dir, Resume)
	if got, err := resumed.Train(t.Context(), nil); err != nil || got.Step != 6 {
		t.Fatalf("%+v, %v", got, err)
	}
	resumed.Close()
	trained := reopen(t, r.Dir, Open)
	moved := false
	f := safetensors.File{Tensors: tensors}
	for _, m := range dictOf(t, trained).Modules {
		want, _ := f.Tensor(m.Weight.Name)
		v, err := want.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		switch same := slices.Equal(v, m.Weight.Values); {
		case m.Kind == supernet.BatchNormModule:
			moved = moved || !same
		case !same:
			t.Errorf("%s was frozen and has changed", m.Weight.Name)
		}
	}
	if !moved {
		t.Error("training changed no γ of the network")
	}
	if tensors, _ := create(t, tiny()).Imported(); tensors != 0 {
		t.Error("a run of the seed has imported tensors")
	}
}

// TestImportTrainsAll: with all weights trained the checkpoint holds them.
func TestImportTrainsAll(t *testing.T) {
	tensors := foreign(t)
	cfg := tiny()
	cfg.Device, cfg.Train.Train, cfg.Train.Steps, cfg.Train.RankEvery = "reference", supernet.All, 1, 0
	r := importInto(t, cfg, tensors)
	r.Close()
	has(t, reopen(t, r.Dir, Open), tensors)
	if _, err := reopen(t, r.Dir, Resume).Train(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// TestImportedFile: a run does not open without its imported network, or with another one.
func TestImportedFile(t *testing.T) {
	r := importInto(t, tiny(), foreign(t))
	r.Close()
	cfg, err := ReadConfig(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(r.Dir, ImportedName)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func() error{
		"is not the file from which the run started": func() error { return os.WriteFile(path, append(slices.Clone(content), 0), 0o666) },
		"is missing": func() error { return os.Remove(path) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(r.Dir, cfg, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Create(filepath.Join(t.TempDir(), "run"), cfg, Options{}); len(WrongSettings(err)) != 1 {
		t.Errorf("a new run with the configuration of an import: %v", err)
	}
}

// TestAFailedImportLeavesNothing: wrong tensors and settings make no folder.
func TestAFailedImportLeavesNothing(t *testing.T) {
	good := foreign(t)
	for name, c := range map[string]struct {
		change func(cfg *Config)
		arch   string
		tensor []safetensors.Tensor
		want   string
	}{
		"a missing tensor":        {nil, importedArch, good[1:], "missing stem.0.weight"},
		"a tensor in half":        {nil, importedArch, append([]safetensors.Tensor{{Name: "stem.0.weight", DType: "F16", Shape: []int{1}, Data: []byte{0, 0}}}, good[1:]...), "is of type F16, must be F32"},
		"another width":           {func(c *Config) { c.Supernet.Channels = 2 }, importedArch, good, "has the shape [4 3 3 3], the network needs [2 3 3 3]"},
		"another architecture":    {nil, strings.Replace(importedArch, "skip_connect~0", "nor_conv_3x3~0", 1), good, "missing cells.0.layers.1.op.1.weight"},
		"no architecture":         {nil, "22212220", good, ""},
		"a warm-up too long":      {func(c *Config) { c.Train.Steps, c.Train.Warmup = 2, 5 }, importedArch, good, "warmup"},
		"two tensors of one name": {nil, importedArch, append(good[:1:1], good...), "is taken"},
	} {
		cfg := tiny()
		if c.change != nil {
			c.change(&cfg)
		}
		top := filepath.Join(t.TempDir(), "new")
		r, err := Import(filepath.Join(top, "run"), cfg, c.arch, c.tensor, Options{})
		if err == nil {
			r.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if _, err := os.Stat(top); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %s is left", name, top)
		}
	}
	// A folder with the metrics of a lost run takes no checkpoint.
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, train.MetricsName), []byte("{}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Import(dir, tiny(), importedArch, good, Options{}); err == nil || !strings.Contains(err.Error(), "metrics of a run") {
		t.Errorf("a folder with metrics: %v", err)
	}
	if kept, err := os.ReadFile(filepath.Join(dir, train.MetricsName)); err != nil || string(kept) != "{}\n" {
		t.Errorf("the metrics are now %q, %v", kept, err)
	}
	for _, name := range []string{ConfigName, ImportedName} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
}

// FuzzImported: a file that is accepted can be written to the network.
func FuzzImported(f *testing.F) {
	cfg := tiny()
	cfg.Supernet.Channels = 1
	cfg.Spread()
	r, err := Network(cfg, Options{})
	if err != nil {
		f.Fatal(err)
	}
	defer r.Close()
	d := dictOf(f, r)
	var tensors []safetensors.Tensor
	for _, m := range d.Modules {
		for _, a := range []supernet.Array{m.Weight, m.Bias} {
			if a.Name != "" {
				tensors = append(tensors, safetensors.Float32(a.Name, a.Shape, a.Values))
			}
		}
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, map[string]string{"arch": importedArch}, tensors...); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := decodeImported(content)
		if err != nil {
			return
		}
		w, err := file.weights(r.Net)
		if err != nil {
			return
		}
		if err := w.Write(r.Store); err != nil {
			t.Error(err)
		}
	})
}
