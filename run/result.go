package run

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"bnas.example/internal/wholefile"
	"bnas.example/search"
)

// Saved is the result of a search as its folder has it in ResultName.
type Saved struct {
	Strategy    string            `json:"strategy"`
	Objective   string            `json:"objective"`
	Cost        string            `json:"cost"` // of Pareto; empty in files of older versions: search.MACs
	Evaluations int               `json:"evaluations"`
	Steps       *int              `json:"training_steps"` // nil: an older version wrote it
	Answer      int               `json:"answer"`         // the place of the network to take in Best
	Best        []SavedNetwork    `json:"best"`           // best first
	Pareto      []SavedNetwork    `json:"pareto"`         // by rising cost
	Finalists   []search.Finalist `json:"finalists"`
	Runs        []string          `json:"runs"` // the folders of the runs of a search over several; else nil
}

// SavedNetwork is a network of a Saved result.
type SavedNetwork struct {
	Arch   string   `json:"arch"`
	Score  *float64 `json:"score"` // nil: not finite
	MACs   int64    `json:"macs"`
	Params int64    `json:"params"`
	// Latency in ms; 0: it was not measured.
	Latency float64 `json:"latency_ms"`
}

// ReadResult reads the result of a search in a folder. Without one the error is fs.ErrNotExist.
func ReadResult(dir string) (*Saved, error) {
	path := filepath.Join(dir, ResultName)
	text, err := wholefile.Read(path)
	if err != nil {
		return nil, err
	}
	var s Saved
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("%s: %w; bnas search --run writes it anew", path, err)
	}
	return &s, nil
}

// Taken is the network to take; nil: the search found nothing.
func (s *Saved) Taken() *SavedNetwork {
	if s.Answer < 0 || s.Answer >= len(s.Best) {
		return nil
	}
	return &s.Best[s.Answer]
}
