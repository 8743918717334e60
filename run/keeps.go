package run

import (
	"os"
	"path/filepath"
	"slices"

	"bnas.example/search"
	"bnas.example/train"
)

// Keeps reports whether a path is that of a file which bnas keeps in a folder of its own: that of a run or of a ledger.
func Keeps(path string) bool {
	dir, name := filepath.Split(path)
	own := []string{
		ConfigName, ResultName, ReportName, StatusName, ImportedName, LatencyName, ParetoName, PruningName, FinalistsName, RetrainedName,
		train.CheckpointName, train.PredecessorName, train.MetricsName, search.ScoresName, search.ProvenancePath(search.ScoresName),
	}
	_, err := os.Lstat(filepath.Join(dir, lockName))
	return err == nil && slices.Contains(own, name)
}
