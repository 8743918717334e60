package run

import (
	"encoding/json"

	"bnas.example/internal/wholefile"
)

// writeJSON writes a result as JSON for readers, as a whole file.
func writeJSON(path string, result any) error {
	text, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Write(path, append(text, '\n'))
}
