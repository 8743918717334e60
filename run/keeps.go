package run

import (
	"os"
	"path/filepath"
	"slices"

	"bnas.example/search"
	"bnas.example/train"
)

// Keeps reports whether a path is that of a file which bnas keeps in a folder of its own: that of a run, of a ledger, or of retrained
// networks.
func Keeps(path string) bool {
	dir, name := filepath.Split(path)
	own := []string{
		ConfigName, ResultName, ReportName, StatusName, ImportedName, LatencyName, ParetoName, PruningName, FinalistsName, RetrainedName,
		train.CheckpointName, train.PredecessorName, train.MetricsName, search.ScoresName, search.ProvenancePath(search.ScoresName),
	}
	has := func(name string) bool {
		_, err := os.Lstat(filepath.Join(dir, name))
		return err == nil
	}
	return has(lockName) && slices.Contains(own, name) || has(ArchsName) && (name == ArchsName || name == RetrainedTableName)
}
