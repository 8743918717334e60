package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"bnas.example/internal/wholefile"
	"bnas.example/safetensors"
	"bnas.example/supernet"
	"bnas.example/train"
)

// ImportedName is the file of a run folder with the network from which the run started.
const ImportedName = "imported.safetensors"

// importedFile is the content of ImportedName.
type importedFile struct {
	content []byte
	file    *safetensors.File
}

// Import makes a run in dir that starts from a network of the space, trained elsewhere: from the tensors of an architecture in
// the names of supernet.Net.StateDict. They are float32. Parameters of other paths have the values of the seed. The run has a
// checkpoint at step 0: it can be opened, and Train goes on from it. Errors are those of Create, and of wrong tensors. After an
// error no file is left behind. An import that cfg already names is replaced.
func Import(dir string, cfg Config, arch string, tensors []safetensors.Tensor, o Options) (*Run, error) {
	cfg.Imported = ""
	if err := fresh(&cfg); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, map[string]string{"arch": arch}, tensors...); err != nil {
		return nil, err
	}
	f, err := decodeImported(b.Bytes())
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(f.content)
	cfg.Imported = hex.EncodeToString(sum[:])
	r, err := openWithImages(cfg, cfg.Supernet.ImageChannels, o, f)
	if err != nil {
		return nil, err
	}
	r.Dir = dir
	if err = r.check(o); err == nil {
		err = r.beginImported(f.content)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// beginImported makes the folder with its checkpoint at step 0.
func (r *Run) beginImported(content []byte) error {
	var ours []string
	for _, name := range []string{ConfigName, ImportedName, train.CheckpointName, train.MetricsName} {
		path := filepath.Join(r.Dir, name)
		if _, err := os.Lstat(path); err != nil {
			ours = append(ours, path)
		}
	}
	made, err := r.begin(content)
	if err != nil {
		return err
	}
	if err := r.first(); err != nil {
		for _, path := range ours {
			os.Remove(path)
		}
		removeEmpty(made)
		return err
	}
	return nil
}

// first writes the checkpoint at step 0.
func (r *Run) first() error {
	t, err := r.prepare()
	if err != nil {
		return err
	}
	return t.Start()
}

// Imported returns the number of tensors and values that the run's imported network has. It is 0 for a run that started from
// the seed.
func (r *Run) Imported() (tensors, values int) {
	if r.imported == nil {
		return 0, 0
	}
	return r.imported.Len()
}

// readImported reads the imported network of a run folder, whose SHA-256 is in the configuration. It is nil if the
// configuration has none.
func readImported(dir, hash string) (*importedFile, error) {
	if hash == "" {
		return nil, nil
	}
	path := filepath.Join(dir, ImportedName)
	content, err := wholefile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: the run started from this network", path)
	}
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != hash {
		return nil, fmt.Errorf("%s is not the file from which the run started: its SHA-256 is %x, %s says %s", path, sum, ConfigName, hash)
	}
	f, err := decodeImported(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func decodeImported(content []byte) (*importedFile, error) {
	f, err := safetensors.Decode(content)
	if err != nil {
		return nil, err
	}
	return &importedFile{content, f}, nil
}

// weights returns the parameters of the file, checked against the network.
func (f *importedFile) weights(net *supernet.Net) (*supernet.Weights, error) {
	a, err := supernet.Read(net.Space, f.file.Metadata["arch"])
	if err != nil {
		return nil, err
	}
	var arrays []supernet.Array
	for _, t := range f.file.Tensors {
		if t.DType == safetensors.I64 && strings.HasSuffix(t.Name, ".num_batches_tracked") {
			continue
		}
		if t.DType != safetensors.F32 {
			return nil, fmt.Errorf("%s is of type %s, must be F32: save the network in float32", t.Name, t.DType)
		}
		array := supernet.Array{Name: t.Name, Shape: t.Shape}
		if array.Values, err = t.Float32s(); err != nil {
			return nil, err
		}
		arrays = append(arrays, array)
	}
	return net.Weights(a, arrays)
}
