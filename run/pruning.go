package run

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"

	"bnas.example/indicator"
	"bnas.example/internal/setting"
	"bnas.example/search"
	"bnas.example/supernet"
)

// PruningName is the table of the figures of a search by pruning, beside the ledger: setup, name (the operators of each place, and the
// repeat), log κ and the number of linear regions.
const PruningName = "pruning.csv"

// mixer measures mixtures. What scores architectures in this process is one.
type mixer interface {
	Mixtures([]supernet.Mixture) ([][]indicator.MixtureFigures, error)
}

// mixtures returns the figures of mixtures by what scores architectures, kept in dir; "": in memory. They are nil if the search needs none.
func (r *Run) mixtures(scores search.Evaluator, dir string) (*search.Mixtures, error) {
	by, ok := scores.(mixer)
	if r.Config.Search.Strategy != search.Pruning || !ok {
		return nil, nil
	}
	c := r.Config.Score
	c.Terms = []string{"te_ntk", "te_regions"} // not those of the search
	setup, err := r.mixtureSetup(c.Repeat(0))  // more repeats leave its figures as they are
	if err != nil {
		return nil, err
	}
	if dir != "" {
		dir = filepath.Join(dir, PruningName)
	}
	figures, err := search.OpenFigures(dir, setup, search.CheckMixture, search.MixtureColumns()...)
	if err != nil {
		return nil, err
	}
	x := &search.Mixtures{Space: r.Net.Space, Figures: figures, Repeats: max(int(c.Repeats), 1), Width: 1, Measure: by.Mixtures}
	if several, ok := scores.(*indicator.Lanes); ok {
		x.Width = max(several.Lanes(), 1)
	}
	return x, nil
}

// mixtureSetup identifies what the figures are comparable with, as the key of a ledger does.
func (r *Run) mixtureSetup(c indicator.Config) (string, error) {
	key, err := r.key(c)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(key) // the entries are sorted
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6]), err
}

// checkPruning returns an error if the search prunes and is one that cannot. It judges the mixtures in this process, by one supernet.
func (r *Run) checkPruning(supernets int) error {
	switch s := r.Config.Search; {
	case s.Strategy != search.Pruning:
		return nil
	case supernets > 1:
		return setting.Errorf("search.strategy", "%s: it judges networks of one supernet, and there are %d; search one", s.Strategy, supernets)
	case r.Workers != nil:
		return setting.Errorf("search.strategy", "%s: it works in one process; leave out the workers", s.Strategy)
	case r.Config.Finalists.Number > 1:
		return setting.Errorf("finalists.number", "%d: a search by pruning ends with one network", r.Config.Finalists.Number)
	}
	return nil
}
