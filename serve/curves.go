package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"bnas.example/report"
	"bnas.example/run"
	"bnas.example/train"
)

// mostCurves are kept.
const mostCurves = 32

// curves keeps the curves of runs: a page is loaded every few seconds, and the metrics of a long training are large.
type curves struct {
	mu   sync.Mutex
	kept map[string]keptCurves // by the folder of the run
}

// keptCurves are curves, and the state of the files from which they were read.
type keptCurves struct {
	files  string
	curves report.Training
}

// of returns the curves of a run; one that has not begun has none. The files are read if one of them has changed.
func (c *curves) of(dir string, cfg run.Config) (report.Training, error) {
	files := stateOf(dir)
	c.mu.Lock()
	kept, ok := c.kept[dir]
	c.mu.Unlock()
	if ok && kept.files == files {
		return kept.curves, nil
	}
	read, err := run.CurvesOf(dir, cfg)
	if errors.Is(err, fs.ErrNotExist) {
		return report.Training{}, nil
	}
	if err != nil {
		return read, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= mostCurves {
		c.kept = map[string]keptCurves{}
	}
	c.kept[dir] = keptCurves{files, read}
	return read, nil
}

// stateOf names the sizes and times of the files from which curves are read.
func stateOf(dir string) string {
	var b strings.Builder
	for _, name := range []string{train.MetricsName, train.CheckpointName, run.ConfigName} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			fmt.Fprint(&b, info.Size(), " ", info.ModTime().UnixNano())
		}
		b.WriteByte('\n')
	}
	return b.String()
}
