package inventory

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"bnas.example/internal/wholefile"
	"bnas.example/run"
	"bnas.example/train"
)

// Difference is a setting that runs have differently.
type Difference struct {
	Setting string `json:"setting"`
	Values  []any  `json:"values"` // of each run: a number, true or false, or a text; nil: the run does not have it
}

// Differences returns the settings in which the runs in some folders differ, by name.
func Differences(dirs []string) ([]Difference, error) {
	of := make([]map[string]any, len(dirs))
	names := map[string]bool{}
	for i, dir := range dirs {
		cfg, err := ConfigOf(dir)
		if err == nil {
			of[i], err = cfg.Leaves()
		}
		if err != nil {
			return nil, err
		}
		for name := range of[i] {
			names[name] = true
		}
	}
	all := []Difference{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d := Difference{Setting: name}
		for i := range dirs {
			d.Values = append(d.Values, of[i][name])
		}
		if slices.ContainsFunc(d.Values, func(v any) bool { return v != d.Values[0] }) {
			all = append(all, d)
		}
	}
	return all, nil
}

// ConfigOf reads the configuration of a run. That of retrained networks is the one of the last that was begun, without its architecture.
func ConfigOf(dir string) (run.Config, error) {
	if !has(dir, run.ArchsName) {
		return run.ReadConfig(dir)
	}
	s, err := run.OpenRetraining(dir)
	if err != nil {
		return run.Config{}, err
	}
	s.Config.Train.Path = ""
	return s.Config, nil
}

// Curve is the end of the curves of a run's training.
type Curve struct {
	Loss     *float64 `json:"loss"`     // of the last line of the metrics
	Accuracy *float64 `json:"accuracy"` // of training, likewise
	Tau      *float64 `json:"tau"`      // the last agreement of the early bird
}

// tailBytes of the metrics are read for the last lines.
const tailBytes = 1 << 18

// LastOf reads the ends of the curves of the run in dir. A run without metrics has none.
func LastOf(dir string) (c Curve, err error) {
	f, err := wholefile.Open(filepath.Join(dir, train.MetricsName))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return c, err
	}
	from := max(0, info.Size()-tailBytes)
	tail, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return c, err
	}
	if from > 0 {
		_, tail, _ = bytes.Cut(tail, []byte("\n")) // the first line is cut
	}
	lines := bufio.NewScanner(bytes.NewReader(tail))
	lines.Buffer(nil, tailBytes)
	for lines.Scan() {
		var l struct {
			Kind                string
			Loss, Accuracy, Tau *float64
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			continue // the line that is being written
		}
		switch {
		case l.Kind == "step":
			c.Loss, c.Accuracy = l.Loss, l.Accuracy
		case l.Kind == "rank" && l.Tau != nil:
			c.Tau = l.Tau
		}
	}
	if err := lines.Err(); err != nil {
		return c, fmt.Errorf("metrics: %s: %w", f.Name(), err)
	}
	return c, nil
}
