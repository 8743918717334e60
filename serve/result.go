package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bnas.example/run"
)

// result is what the pages show of run.ResultName.
type result struct {
	Strategy    string
	Objective   string
	Evaluations int
	Answer      int
	Best        []network // best first
	Pareto      []network // by rising MACs
}

type network struct {
	Arch   string
	Score  *float64 // nil: undefined
	MACs   int64
	Params int64
}

// resultOf reads the result of a search in a run folder; nil: there is none.
func resultOf(dir string) (*result, error) {
	path := filepath.Join(dir, run.ResultName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var r result
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if r.Answer < 0 || r.Answer >= len(r.Best) {
		return nil, nil // a search that found nothing
	}
	return &r, nil
}
