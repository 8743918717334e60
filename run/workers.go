package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"bnas.example/indicator"
	"bnas.example/internal/wholefile"
	"bnas.example/search"
	"bnas.example/supernet"
	"bnas.example/train"
)

// Workers are other processes that score the architectures of a run, several at a time.
type Workers interface {
	search.Ahead
	search.Bounded
	// Until makes Score end soon after the context has ended, with its error.
	Until(ctx context.Context)
}

// Share is what another process needs to give the scores of a run, to the bit, and the key by which it proves that it does.
type Share struct {
	Space supernet.Space
	Key   search.Key
	// Files are those of a run folder, by name: ConfigName and, of a trained network, its checkpoint and the imported weights. γ, β and
	// other trained parameters are in the checkpoint; the frozen weights come from the seed.
	Files map[string][]byte
	Dir   string // the folder of the ledger; "": there is none
}

// share returns what other processes need for scores with given settings.
func (r *Run) share(c indicator.Config, key search.Key, dir string) (Share, error) {
	s := Share{Space: r.Net.Space, Key: key, Files: map[string][]byte{}, Dir: dir}
	cfg := r.Config
	cfg.Device, cfg.Threads, cfg.Score = r.Device.Info().Name, 0, c
	if len(c.Terms) == 0 {
		cfg.Score.Terms = []string{indicator.AllTerms}
	}
	text, err := yaml.Marshal(cfg)
	if err != nil {
		return s, err
	}
	s.Files[ConfigName] = text
	if r.Dir == "" {
		return s, nil
	}
	for _, file := range []struct{ name, as string }{
		{train.PredecessorName, train.CheckpointName}, {train.CheckpointName, train.CheckpointName}, {ImportedName, ImportedName},
	} {
		text, err := wholefile.Read(filepath.Join(r.Dir, file.name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return s, fmt.Errorf("what the workers need: %w", err)
		}
		s.Files[file.as] = text
	}
	return s, nil
}

// Machine is what a process that opens a Share has for itself.
type Machine struct {
	Threads int    // of the CPU; 0: every core
	GPU     int    // its number; < 0: as in the Share
	DataDir string // the images; "": where the Share has them
}

// OpenShare opens the network of a Share whose files are in dir, for its scores.
func OpenShare(dir string, m Machine, o Options) (*Run, error) {
	cfg, err := ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	cfg.Threads = m.Threads
	if m.GPU >= 0 {
		cfg.GPU = m.GPU
	}
	if m.DataDir != "" && cfg.Data.Name != "fashion" { // which is built in
		cfg.Data.Dir = m.DataDir
	}
	if _, err := os.Stat(filepath.Join(dir, train.CheckpointName)); err == nil {
		return Open(dir, cfg, o)
	}
	return Untrained(cfg, o)
}

// ScoringKey returns the key of the scores that Scorer gives.
func (r *Run) ScoringKey() (search.Key, error) {
	c, err := r.scoring()
	if err != nil {
		return nil, err
	}
	return r.key(c)
}
