package indicator

import (
	"fmt"
	"slices"
	"strings"
)

// Perspective is the property of a network that a term measures.
type Perspective string

const (
	Expressivity Perspective = "E"
	Trainability Perspective = "T"
	Uncertainty  Perspective = "U"
	Size         Perspective = "cost"     // how large the network is: no features are looked at
	Baseline     Perspective = "baseline" // figures that a useful indicator exceeds
)

// Term describes one number per architecture; higher is expected to be better.
type Term struct {
	Name        string      `json:"name"`
	Perspective Perspective `json:"perspective"`
	// Gauge: the term does not change when γ and β of all BatchNorms that enter a node are multiplied by one factor,
	// where that changes no logit.
	Gauge bool `json:"gauge_invariant"`

	needs passes
	value func(*evidence) float64
}

// terms is the registry. A new term is a file with its formula and a row here.
var terms = []Term{
	{"naswot", Expressivity, true, codes, naswot},
	{"naswot_norm", Expressivity, true, codes, naswotNorm},
	{"bn_entropy", Expressivity, true, affine, bnEntropy},
	{"cell_spectrum", Expressivity, true, blockSpectra, cellSpectrum},
	{"cell_spectrum_norm", Expressivity, true, blockSpectra, cellSpectrumNorm},
	{"last_spectrum", Expressivity, true, blockSpectra, lastSpectrum},
	{"standard_spectrum", Expressivity, true, standardSpectra, standardSpectrum},
	{"standard_least", Expressivity, true, standardMinima, standardLeast},
	{"bn_spectrum", Expressivity, true, bnSpectra, bnSpectrum},
	{"bn_spectrum_mean", Expressivity, true, bnSpectra, bnSpectrumMean},
	{"bn_corr", Expressivity, true, bnVolumes, bnCorr},

	{"ntk", Trainability, false, jacobians, ntkRaw},
	{"ntk_gauge", Trainability, true, jacobians, ntkGauge},
	{"ntk_corr", Trainability, true, jacobians, ntkCorr},
	{"isometry", Trainability, false, probes, isometry},
	{"isometry_even", Trainability, true, probes, isometryEven},
	{"jacobian_corr", Trainability, true, inputGradients, jacobianCorr},
	{"standard_isometry", Trainability, true, standardProbes, standardIsometry},
	{"standard_isometry_even", Trainability, true, standardProbes, standardIsometryEven},
	{"standard_jacobian_corr", Trainability, true, standardInputGradients, standardJacobianCorr},
	{"identity_gain", Trainability, true, identities, identityGain},

	{"bn_noise", Uncertainty, true, statistics, bnNoise},
	{"bn_noise_log", Uncertainty, true, statistics, bnNoiseLog},
	{"fisher_dim", Uncertainty, true, jacobians, fisherDim},
	{"standard_fisher_dim", Uncertainty, true, standardJacobians, standardFisherDim},
	{"mc_mi", Uncertainty, true, resamples, mcMI},
	{"mc_variance", Uncertainty, true, resamples, mcVariance},
	{"mc_nll", Uncertainty, true, resamples, mcNLL},
	{"firing_entropy", Uncertainty, true, firing, firingEntropy},
	{"logit_scale", Uncertainty, true, logits, logitScale},

	{"gamma_sum", Baseline, false, gammas, gammaSum},
	{"gamma_node", Baseline, true, gammas, gammaNode},
	{"gamma_ratio", Baseline, true, gammas, gammaRatio},
	{"bn_snip", Baseline, true, loss | saliency, bnSnip},
	{"one_shot_nll", Baseline, true, loss, oneShotNLL},
	{"one_shot_accuracy", Baseline, true, loss, oneShotAccuracy},
	{"az_expressivity", Baseline, true, standardSpectra, azExpressivity},
	{"az_progressivity", Baseline, true, standardSpectra, azProgressivity},
	{"az_trainability", Baseline, true, standardProbes, azTrainability},
	{"nwot", Baseline, true, standardCodes, nwot},
	{"jacov", Baseline, true, imageGradients, jacov},
	{"epe_nas", Baseline, true, imageGradients, epeNAS},
	{"grad_norm", Baseline, true, weightGradients, gradNorm},
	{"snip", Baseline, true, weightGradients, snip},
	{"plain", Baseline, true, weightGradients, plain},
	{"l2_norm", Baseline, true, weightGradients, l2Norm},
	{"grasp", Baseline, true, gradientFlow, grasp},
	{"synflow", Baseline, true, synapticFlow, synflow},
	{"fisher", Baseline, true, channelFisher, fisher},
	{"zico", Baseline, true, gradientSpread, zico},
	{"swap", Baseline, true, patterns, swap},
	{"near", Baseline, true, effectiveRanks, nearScore},
	{"meco", Baseline, true, channelCorr, meco},
	{"zen", Baseline, true, zenChange, zen},
	{"te_ntk", Baseline, true, weightKernel, teNTK},
	{"te_regions", Baseline, true, linearRegions, teRegions},
	{"vkdnw_entropy", Baseline, true, weightFisher, vkdnwEntropy},

	{"params", Size, true, 0, countParams},
	{"macs", Size, true, 0, countMACs},
	{"depth", Size, true, 0, countDepth},
	{"convs", Size, true, 0, countConvs},
	{"live_params", Size, true, wiring, liveParams},
	{"live_macs", Size, true, wiring, liveMACs},
	{"free_paths", Size, true, wiring, freePaths},
}

// Terms lists every term in the order of Scores.Values.
func Terms() []Term { return append([]Term(nil), terms...) }

// TermNames lists the names of every term in the order of Scores.Values.
func TermNames() []string {
	names := make([]string, len(terms))
	for i, t := range terms {
		names[i] = t.Name
	}
	return names
}

// These stand for several terms in Config.Terms: AllTerms for every one, OurTerms for those that are no baselines, BaselineTerms for
// the baselines. Both of these have the terms of cost.
const (
	AllTerms      = "all"
	OurTerms      = "ours"
	BaselineTerms = "baselines"
)

// GroupNames lists the words that stand for several terms.
func GroupNames() []string { return []string{AllTerms, OurTerms, BaselineTerms} }

// Expand replaces the words of GroupNames by the terms that they stand for. The result is in the order of TermNames and has no term
// twice.
func Expand(names []string) []string {
	var all []string
	for _, t := range terms {
		groups := []string{t.Name, AllTerms}
		if t.Perspective != Baseline {
			groups = append(groups, OurTerms)
		}
		if t.Perspective == Baseline || t.Perspective == Size {
			groups = append(groups, BaselineTerms)
		}
		if slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(names, g) }) {
			all = append(all, t.Name)
		}
	}
	return all
}

// TermsOf returns the terms of a composite, and those that cost next to nothing beside them, in the order of TermNames.
func TermsOf(c Composite) ([]string, error) {
	var needs passes
	for _, name := range c.Terms {
		i, err := termIndex(name)
		if err != nil {
			return nil, err
		}
		needs |= terms[i].needs
	}
	var names []string
	for _, t := range terms {
		if t.needs&^beside(needs) == 0 {
			names = append(names, t.Name)
		}
	}
	return names, nil
}

// termIndex finds a term by name; the error lists the names.
func termIndex(name string) (int, error) {
	for i, t := range terms {
		if t.Name == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("no term %q; there are %s", name, strings.Join(TermNames(), ", "))
}
