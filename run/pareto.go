package run

import (
	"bytes"
	"encoding/csv"
	"path/filepath"
	"strconv"

	"bnas.example/internal/wholefile"
	"bnas.example/search"
)

// ParetoName is the table of a search's Pareto front, beside its result.
const ParetoName = "pareto.csv"

// writePareto writes the front of a search into a folder, one network a row, by rising cost. Latencies are there if they were measured.
func writePareto(dir string, result *search.Result) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	row := func(latency string, cells ...string) {
		if result.LatencySetup != "" {
			cells = append(cells, latency)
		}
		w.Write(cells)
	}
	row("latency_ms", "arch", "score", "macs", "params")
	for _, f := range result.Pareto {
		row(exact(f.Latency), f.Scores.Arch, exact(f.Score), strconv.FormatInt(f.Cost.MACs, 10), strconv.FormatInt(f.Cost.Params, 10))
	}
	w.Flush()
	return wholefile.Write(filepath.Join(dir, ParetoName), b.Bytes())
}
