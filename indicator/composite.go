package indicator

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"bnas.example/internal/setting"
	"bnas.example/rank"
)

// Composite is a list of terms that are fused into one score. A term in Against counts with the opposite sign.
type Composite struct {
	Name    string   `json:"name" yaml:"name"`
	Terms   []string `json:"terms" yaml:"terms"`
	Against []string `json:"against,omitempty" yaml:"against"` // those of Terms of which less is better
	Linear  bool     `json:"linear,omitempty" yaml:"linear"`   // ranks are added, and not their logarithms
}

// composites is the registry.
var composites = []Composite{
	// etu is our plainest reading of the three perspectives that the abstract of arXiv 2112.00265 names.
	{Name: "etu", Terms: []string{"naswot", "ntk_gauge", "mc_mi"}},
	// bnas was chosen on NAS-Bench-201, NAS-Bench-Macro and NAS-Bench-101 together, over seeds and lengths of training (docs/results.md).
	{Name: "bnas", Terms: []string{
		"standard_spectrum", "standard_least", "bn_corr",
		"standard_isometry", "standard_isometry_even", "standard_jacobian_corr", "identity_gain",
		"bn_noise_log", "standard_fisher_dim",
		"live_macs",
	}},
	// bnas-trained has the same with the gradients of the trained supernet: better or worse by seed and length of training.
	{Name: "bnas-trained", Terms: []string{
		"standard_spectrum", "standard_least", "bn_corr",
		"isometry", "isometry_even", "jacobian_corr", "identity_gain",
		"bn_noise_log", "fisher_dim",
		"live_macs",
	}},
	// az-nas is that of Lee and Ham (CVPR 2024): fused by log-ranks there too.
	{Name: "az-nas", Terms: []string{"az_expressivity", "az_progressivity", "az_trainability", "macs"}},
	// te-nas is that of Chen, Gong and Wang (ICLR 2021), who add ranks.
	{Name: "te-nas", Terms: []string{"te_ntk", "te_regions"}, Linear: true},
	// vkdnw is that of the search on MobileNet of Tybl and Neumann (CVPR 2025), by their code: the one of AZ-NAS with one term more.
	{Name: "vkdnw", Terms: []string{"az_expressivity", "az_progressivity", "az_trainability", "macs", "vkdnw_entropy"}},
	// quick needs no gradients by parameters. It is what SelectHalf chose on half of 1,000 random cells of NAS-Bench-201.
	{Name: "quick", Terms: []string{"naswot", "cell_spectrum", "isometry", "bn_noise"}},
}

// Composites lists the named composites.
func Composites() []Composite { return append([]Composite(nil), composites...) }

// LookupComposite returns the composite of that name. The name of a term stands for the composite of that term alone. A name with
// + or − is a composite of the user's own ([ParseComposite]). The error lists the composites.
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
	if strings.ContainsAny(name, "+-−") {
		c, err := ParseComposite(name)
		if err != nil {
			return Composite{}, setting.Errorf("objective.composite", "%q: %v", name, err)
		}
		return c, nil
	}
	return Composite{}, setting.Errorf("objective.composite", "%q: there are %s, every term by its name, and terms joined by + and -", name, strings.Join(names, ", "))
}

// Validate returns an error unless every term exists and is listed once.
func (c Composite) Validate() error {
	if err := c.check(); err != nil {
		return fmt.Errorf("indicator: composite %q: %w", c.Name, err)
	}
	return nil
}

// check is Validate without the name.
func (c Composite) check() error {
	if len(c.Terms) == 0 {
		return errors.New("no terms")
	}
	for i, name := range c.Terms {
		if _, err := termIndex(name); err != nil {
			return err
		}
		if slices.Contains(c.Terms[:i], name) {
			return fmt.Errorf("%s twice", name)
		}
	}
	for _, name := range c.Against {
		if !slices.Contains(c.Terms, name) {
			return fmt.Errorf("it counts against %s, which is not among its terms", name)
		}
	}
	return nil
}

// Untrained reports whether no term depends on the training of a supernet.
func (c Composite) Untrained() bool {
	return !slices.ContainsFunc(c.Terms, func(name string) bool {
		i, err := termIndex(name)
		return err != nil || terms[i].needs&^(wiring|atStart) != 0
	})
}

// Fuse returns Σ log q_i over the terms, Σ q_i if c is linear, with q_i the share of the calibration's architectures that score lower on
// term i (ties count half). The score is absolute: it depends on s and the calibration alone, so it can be cached and used in
// an evolution. A monotone map of a term does not change it. A dead network has −Inf.
//
// The result is NaN if the calibration or s lacks a term: see [Calibration.Covers]. Source: ours.
func (c Composite) Fuse(calibration *Calibration, s Scores) float64 {
	if s.Dead {
		return math.Inf(-1)
	}
	var sum float64
	n := 0
	for _, name := range c.Terms {
		i, err := termIndex(name)
		if err != nil {
			return math.NaN()
		}
		n = len(calibration.sorted[i])
		sum += c.weigh(calibration.quantile(i, s.Values[i], slices.Contains(c.Against, name)))
	}
	return c.settle(sum, n+1)
}

// weigh is what a term adds whose place is q, from 0 (lowest) to 1.
func (c Composite) weigh(q float64) float64 {
	if c.Linear {
		return q
	}
	return math.Log(q)
}

// settle returns a sum of what terms add, of places that are multiples of 1/2n. That of a linear composite is such a multiple too, to
// which it is rounded: equal sums of ranks are then equal.
func (c Composite) settle(sum float64, n int) float64 {
	if !c.Linear {
		return sum
	}
	return toHalves(sum, n)
}

// toHalves rounds a sum of multiples of 1/2n to such a multiple.
func toHalves(sum float64, n int) float64 { return math.Round(sum*float64(2*n)) / float64(2*n) }

// Ranks returns Σ log(rank/n) over the terms for each network of a set, Σ rank/n if c is linear, ranks from 1 (lowest) to n within the
// set's live networks. Ties take their average rank; dead networks have −Inf. Higher is better. A poor rank on one term weighs more
// than in a sum of ranks. Source: AZ-NAS (Lee and Ham, CVPR 2024).
func (c Composite) Ranks(set []Scores) ([]float64, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var live []int
	fused := make([]float64, len(set))
	columns := make([][]float64, len(c.Terms))
	values := make([]float64, len(c.Terms))
	for i, s := range set {
		if s.Dead {
			fused[i] = math.Inf(-1)
			continue
		}
		if err := c.values(s, values); err != nil {
			return nil, err
		}
		live = append(live, i)
		for t, v := range values {
			columns[t] = append(columns[t], v)
		}
	}
	for _, column := range columns {
		for k, r := range rank.Ranks(column) {
			fused[live[k]] += c.weigh(r / float64(len(live)))
		}
	}
	for _, i := range live {
		fused[i] = c.settle(fused[i], len(live))
	}
	return fused, nil
}
