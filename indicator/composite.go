package indicator

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"bnas.example/rank"
)

// Composite is a fusion of terms. Each counts with its own orientation, or against it where it is in Against.
type Composite struct {
	Name    string   `json:"name" yaml:"name"`
	Terms   []string `json:"terms" yaml:"terms"`
	Against []string `json:"against,omitempty" yaml:"against"` // those of Terms of which less is better
}

// composites is the registry.
var composites = []Composite{
	// etu is our plainest reading of the three perspectives that the abstract of arXiv 2112.00265 names.
	{Name: "etu", Terms: []string{"naswot", "ntk_gauge", "mc_mi"}},
	// bnas is what SelectHalf chose on half of 1,000 random cells of NAS-Bench-201, fair and trained (docs/results.md).
	{Name: "bnas", Terms: []string{"naswot", "cell_spectrum", "isometry", "bn_noise"}},
}

// Composites lists the named composites.
func Composites() []Composite { return append([]Composite(nil), composites...) }

// LookupComposite finds a composite by name; any term's name is also one, of that term alone. The error lists the
// composites.
func LookupComposite(name string) (Composite, error) {
	var names []string
	for _, c := range composites {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	if _, err := termIndex(name); err == nil {
		return Composite{Name: name, Terms: []string{name}}, nil
	}
	return Composite{}, fmt.Errorf("indicator: no composite %q; there are %s, and every term by its name", name, strings.Join(names, ", "))
}

// Validate says whether every term exists, once.
func (c Composite) Validate() error {
	if len(c.Terms) == 0 {
		return fmt.Errorf("indicator: composite %q has no terms", c.Name)
	}
	for i, name := range c.Terms {
		if _, err := termIndex(name); err != nil {
			return fmt.Errorf("composite %q: %w", c.Name, err)
		}
		if slices.Contains(c.Terms[:i], name) {
			return fmt.Errorf("indicator: composite %q has %s twice", c.Name, name)
		}
	}
	for _, name := range c.Against {
		if !slices.Contains(c.Terms, name) {
			return fmt.Errorf("indicator: composite %q counts against %s, which is not among its terms", c.Name, name)
		}
	}
	return nil
}

// Fuse is F3, calibrated quantiles: Σ log q_i over the terms, q_i the share of the calibration's architectures that
// score lower (ties count half). It is absolute: it does not depend on what else is compared, so it can be cached and
// used in an evolution; and it does not change under any monotone map of a term. A dead network has −Inf.
//
// The composite and the calibration must fit: see Calibration.Covers. Otherwise the result is NaN.
func (c Composite) Fuse(calibration *Calibration, s Scores) float64 {
	if s.Dead {
		return math.Inf(-1)
	}
	var sum float64
	for _, name := range c.Terms {
		i, err := termIndex(name)
		if err != nil {
			return math.NaN()
		}
		sum += math.Log(calibration.quantile(i, s.Values[i], slices.Contains(c.Against, name)))
	}
	return sum
}

// RankSum is F1, the sum of ranks within a set (TE-NAS, Chen, Gong and Wang, ICLR 2021): ties average, dead networks
// −Inf. Higher is better.
func (c Composite) RankSum(set []Scores) ([]float64, error) {
	return c.overRanks(set, func(rank, _ float64) float64 { return rank })
}

// LogRank is F2, Σ log(rank/n) within a set (AZ-NAS, Lee and Ham, CVPR 2024): a network that is poor on one term
// cannot make up for it on another as easily. Ties average, dead networks −Inf. Higher is better.
func (c Composite) LogRank(set []Scores) ([]float64, error) {
	return c.overRanks(set, func(rank, n float64) float64 { return math.Log(rank / n) })
}

// overRanks sums f(rank, n) over the terms, the ranks taken among the live networks.
func (c Composite) overRanks(set []Scores, f func(rank, n float64) float64) ([]float64, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var live []int
	fused := make([]float64, len(set))
	for i, s := range set {
		if s.Dead {
			fused[i] = math.Inf(-1)
		} else {
			live = append(live, i)
		}
	}
	column := make([]float64, len(live))
	for _, name := range c.Terms {
		t, err := termIndex(name)
		if err != nil {
			return nil, err
		}
		for k, i := range live {
			column[k] = set[i].Values[t]
			if math.IsNaN(column[k]) {
				return nil, fmt.Errorf("indicator: %s has no %s", set[i].Arch, name)
			}
			if slices.Contains(c.Against, name) {
				column[k] = -column[k]
			}
		}
		for k, rank := range rank.Ranks(column) {
			fused[live[k]] += f(rank, float64(len(live)))
		}
	}
	return fused, nil
}
