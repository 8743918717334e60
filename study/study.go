package study

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"bnas.example/indicator"
	"bnas.example/internal/amount"
	"bnas.example/internal/setting"
	"bnas.example/run"
	"bnas.example/supernet"
	"bnas.example/train"
)

// Study is a claim and what shows it.
type Study struct {
	Name  string
	Claim string // one sentence
	// QuickTime and FullTime say how long it takes on two cores.
	QuickTime, FullTime string
	// QuickCells is the number of cells a stage in the quick form, in a space that has such a setting; 0: the benchmark's.
	QuickCells int
	// NeedsTable says that it shows nothing without a table of accuracies.
	NeedsTable bool
	// Base returns the settings from which the command line starts.
	Base func(quick bool) Settings
	// Cells lists the cells. Their names and settings follow from the settings of the study alone.
	Cells func(Settings) ([]Cell, error)
	// Sample returns the networks that are compared with a table; nil: sampled.
	Sample func(Settings, *supernet.Net, *Truth) ([]supernet.Arch, error)
	// Show makes tables and page from the results of all cells.
	Show func(*Results) (*Outcome, error)
}

// Settings are those of a study.
type Settings struct {
	Run      run.Config `yaml:"run"` // of the run of each cell, before the cell changes it
	Quick    bool       `yaml:"quick"`
	Seeds    int        `yaml:"seeds"`    // cells are repeated with the seeds Run.Seed, Run.Seed+1, …
	Networks int        `yaml:"networks"` // that are scored
}

// fit sets the sizes of the quick form that are left open, and returns the supernet of these settings. It is an error if a setting
// contradicts what every study does.
func (s Study) fit(of Settings) (Settings, *supernet.Net, error) {
	if err := checkTraining(of.Run.Train); err != nil {
		return of, nil, err
	}
	space, err := of.Run.Supernet.Lookup()
	if err != nil {
		return of, nil, err
	}
	if of.Quick && of.Run.Supernet.Cells == 0 && space.Defaults().Cells > 0 {
		of.Run.Supernet.Cells = s.QuickCells
	}
	net, err := supernet.New(of.Run.Supernet)
	if err == nil {
		err = checkSpace(net, of.Run.Seed)
	}
	return of, net, err
}

// checkTable returns an error if a table lacks a network that the study will compare. Those that a search finds are not known; the space
// is sampled for them.
func (s Study) checkTable(of Settings, net *supernet.Net, truth *Truth) error {
	if truth == nil {
		return nil
	}
	sample := s.Sample
	if sample == nil {
		sample = sampled
	}
	archs, err := sample(of, net, truth)
	if err == nil {
		_, err = truth.accuracies(net.Space, archs)
	}
	return err
}

func sampled(s Settings, net *supernet.Net, _ *Truth) ([]supernet.Arch, error) {
	return s.drawn().of(net), nil
}

// checkSpace returns an error if a space has too few networks to rank.
func checkSpace(net *supernet.Net, seed uint64) error {
	if n := len(run.LiveSample(net, fewest, seed, "study space")); n < fewest {
		return setting.Errorf("supernet.space", "%s: has %s; a study needs %d that are different and live", net.Space.Name(), amount.Of(n, "network"), fewest)
	}
	return nil
}

// checkTraining returns an error if the supernets would train other parameters than γ and β, or not all for as long.
func checkTraining(c train.Config) error {
	switch {
	case c.Train != supernet.AllBN && c.Train != supernet.LastBN:
		return setting.Errorf("train.train", "%s: a study trains γ and β, and sets itself which cells train more; leave it out", c.Train)
	case c.Sampling == train.Fixed:
		return setting.Errorf("train.sampling", "%s: a study trains supernets, not one of their paths; leave it out", c.Sampling)
	case c.EarlyBird:
		return setting.Errorf("train.early_bird", "true: a study compares supernets that train for as long; leave it out")
	}
	return nil
}

// seeds lists the seeds of the cells.
func (s Settings) seeds() []uint64 {
	all := make([]uint64, s.Seeds)
	for i := range all {
		all[i] = s.Run.Seed + uint64(i)
	}
	return all
}

// studies is the registry.
var studies = []Study{fairness, placement, earlybird, training, ranking, searching, tangent}

// All lists the studies.
func All() []Study { return append([]Study(nil), studies...) }

// Lookup finds a study by its name. The error lists the names.
func Lookup(name string) (Study, error) {
	var names []string
	for _, s := range studies {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Study{}, fmt.Errorf("there is no study %q; there is %s", name, strings.Join(names, ", "))
}

// Outcome is what a study shows.
type Outcome struct {
	Says     string    // what came out, in a few sentences made from the figures
	Done     []string  // what was done: a paragraph each
	Sections []section // what came out
	Limits   []string  // what it does not show: a sentence or two each
	Tables   []*Table  // written as CSV
	Figures  []Figure  // for the summary
}

// add appends a section of what came out.
func (o *Outcome) add(s section) { o.Sections = append(o.Sections, s) }

// table appends a table with these columns.
func (o *Outcome) table(name string, columns ...string) *Table {
	t := &Table{Name: name, Columns: columns}
	o.Tables = append(o.Tables, t)
	return t
}

// figure appends a figure of the summary.
func (o *Outcome) figure(name string, e estimate) {
	o.Figures = append(o.Figures, Figure{name, e.mean, e.Low, e.High})
}

// Figure is a figure of the summary, with its interval. NaN bounds: it has none.
type Figure struct {
	Name      string
	Value     float64
	Low, High float64
}

// MarshalJSON writes null for what is NaN.
func (f Figure) MarshalJSON() ([]byte, error) {
	number := func(v float64) *float64 {
		if math.IsNaN(v) {
			return nil
		}
		return &v
	}
	return json.Marshal(struct {
		Name  string   `json:"name"`
		Value *float64 `json:"value"`
		Low   *float64 `json:"low"`
		High  *float64 `json:"high"`
	}{f.Name, number(f.Value), number(f.Low), number(f.High)})
}

// Truth is the table of accuracies against which a study compares, and its name for the page.
type Truth struct {
	*indicator.Truth
	Name string
	Hash string // SHA-256 of the file
}

// accuracies returns the accuracy of each network; nil without a table. It is an error if the table lacks a network.
func (t *Truth) accuracies(space supernet.Space, archs []supernet.Arch) ([]float64, error) {
	if t == nil {
		return nil, nil
	}
	all, missing := make([]float64, len(archs)), 0
	for i, a := range archs {
		accuracy, ok := t.Of(space.Format(a), space.Canonical(a))
		if all[i] = accuracy; !ok {
			missing++
		}
	}
	if missing > 0 {
		return nil, fmt.Errorf("%d of the %d networks are not in the table %s: give one of the whole space", missing, len(archs), t.Name)
	}
	return all, nil
}

// sorted returns the texts of the architectures, in order.
func (t *Truth) sorted() []string {
	texts := make([]string, t.Len())
	for i := range texts {
		texts[i] = t.Arch(i)
	}
	slices.Sort(texts)
	return texts
}

// rowsHash is the SHA-256 of the architectures, in any order.
func (t *Truth) rowsHash() string {
	hash := sha256.Sum256([]byte(strings.Join(t.sorted(), "\n")))
	return hex.EncodeToString(hash[:])
}
