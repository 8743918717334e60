package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"bnas.example/internal/wholefile"
)

// StatusName is the file of a folder in which a command says how far it is. It is there while the command works; one that is killed
// leaves it.
const StatusName = "status.json"

// silence is the time after which a command that has not renewed its status counts as ended.
const silence = 10 * time.Second

// Training is the phase of a Status while a supernet is trained. Those of a search are in Progress.
const Training = "train"

// Status says how far a command is that works in a folder.
type Status struct {
	Host    string    `json:"host"`
	Process int       `json:"process"`
	Phase   string    `json:"phase"`
	Done    int       `json:"done"`  // of the phase: steps, architectures, cells of a study
	Total   int       `json:"total"` // 0: unknown
	Failed  int       `json:"failed"`
	Rate    float64   `json:"per_second"`   // of what this phase has computed: scores of the ledger do not count
	Left    float64   `json:"seconds_left"` // 0: unknown, or nothing is left
	Updated time.Time `json:"updated"`
	Workers []Worker  `json:"workers"`
}

// Worker is a process that scores for a command.
type Worker struct {
	Host    string  `json:"host"`
	Process int     `json:"process"`
	Scored  int     `json:"scored"`
	Silent  float64 `json:"silent_seconds"` // since its last sign of life
}

// ReadStatus reads the status in a folder; nil: no command works there, or one that has none.
func ReadStatus(dir string) (*Status, error) {
	path := filepath.Join(dir, StatusName)
	text, err := wholefile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var s Status
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if time.Since(s.Updated) > silence {
		return nil, nil // it was killed
	}
	return &s, nil
}
