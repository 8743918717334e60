package search

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"bnas.example/internal/amount"
	"bnas.example/internal/wholefile"
)

// Made says what computed scores. It does not change them, and is no part of their key.
type Made struct {
	Version string `json:"version"`           // of the program; "": unknown
	Threads int    `json:"threads,omitempty"` // of its device; 0: unknown, or other processes computed
}

// String names the version and the threads.
func (m Made) String() string {
	text := m.Version
	if text == "" {
		text = "an unknown version"
	}
	if m.Threads == 0 {
		return text
	}
	return text + ", " + amount.Of(m.Threads, "thread")
}

// Provenance says where the scores of a file come from. It lies beside the file, and its JSON is one object: the entries of the key, and
// made.
type Provenance struct {
	Key  Key
	Made []Made // each once, by their first score
}

// madeName is the entry of Made in the JSON of a Provenance. No entry of a key has this name.
const madeName = "made"

// MarshalJSON writes the entries of the key, and made unless it is empty.
func (p Provenance) MarshalJSON() ([]byte, error) {
	entries := map[string]any{}
	for name, value := range p.Key {
		entries[name] = value
	}
	if len(p.Made) > 0 {
		entries[madeName] = p.Made
	}
	return json.Marshal(entries)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Provenance) UnmarshalJSON(text []byte) error {
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(text, &entries); err != nil {
		return err
	}
	if made, ok := entries[madeName]; ok {
		if err := json.Unmarshal(made, &p.Made); err != nil {
			return err
		}
		delete(entries, madeName)
	}
	text, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &p.Key)
}

// ProvenancePath is the file with the provenance of a score file: x.json of x.csv.
func ProvenancePath(scores string) string {
	return strings.TrimSuffix(scores, filepath.Ext(scores)) + ".json"
}

// ReadProvenance reads the provenance of a score file. Its key is nil if nothing is beside the file.
func ReadProvenance(scores string) (p Provenance, err error) {
	path := ProvenancePath(scores)
	text, err := wholefile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("search: %w", err)
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return p, fmt.Errorf("search: %s: %w; take the file away: its scores are then of an unknown setup", path, err)
	}
	return p, nil
}

// Write writes the provenance of a score file.
func (p Provenance) Write(scores string) error { return wholefile.WriteJSON(ProvenancePath(scores), p) }
