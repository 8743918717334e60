package indicator

import (
	"fmt"

	"bnas.example/kernels"
	"bnas.example/supernet"

	"gonum.org/v1/gonum/mat"
)

// passes is a set of measurements. Each is taken once for an architecture and shared by all terms that need it.
type passes uint

const (
	affine                 passes = 1 << iota // γ and β of the path
	gammas                                    // γ and β of the whole supernet
	wiring                                    // the program alone
	codes                                     // the Gram matrix of the rectifiers' codes
	firing                                    // firing rates
	logits                                    // logits of the calibration images
	blockSpectra                              // spectral entropy of every block's output
	bnSpectra                                 // spectral entropy of every BatchNorm's input
	bnVolumes                                 // correlation of the channels of the same inputs
	statistics                                // noise of every BatchNorm's statistics
	loss                                      // loss and accuracy of the calibration images
	saliency                                  // its gradients by γ and β; needs loss
	probes                                    // gradients through every block
	inputGradients                            // per-sample gradients at the input of the first block
	jacobians                                 // per-sample gradients by γ and β
	resamples                                 // logits under resampled statistics
	identities                                // features of the untrained standard network
	standardCodes                             // the Gram matrix of its rectifiers' codes
	imageGradients                            // its gradients by the images
	weightGradients                           // its gradients by all weights
	gradientFlow                              // and how they change with the scale of the weights
	standardSpectra                           // spectral entropy of the output of its stem and of every block
	channelFisher                             // its gradients by the outputs of its layers
	patterns                                  // its rectifiers' states over the images
	effectiveRanks                            // effective ranks of the outputs of its layers
	channelCorr                               // correlation of their channels
	standardProbes                            // its gradients through every block
	standardInputGradients                    // its per-sample gradients at the input of the first block
	standardJacobians                         // its per-sample gradients by γ and β, for the Fisher matrix alone
	standardMinima                            // least eigenvalues of the inputs of its BatchNorms
	synapticFlow                              // the flow of ones through the magnitudes of its weights
	gradientSpread                            // its gradients by all weights, of two batches
	zenChange                                 // the change of its features, with other weights
	weightFisher                              // the Fisher matrix of its first weights
	weightKernel                              // the tangent kernel of all its weights
	linearRegions                             // regions of a thin network
)

// calibrated are the passes that read the forward of the calibration images. Those of frozen read its first images, with its
// statistics. Those of untrained read a forward of the untrained standard network, those of frozenUntrained its first images, with its
// statistics. Those of unshared begin with a forward of their own there, if with any. None of atStart depends on a training.
const (
	calibrated = codes | firing | logits | blockSpectra | bnSpectra | bnVolumes | statistics | loss | saliency | frozen
	frozen     = probes | inputGradients | jacobians
	untrained  = identities | standardCodes | imageGradients | weightGradients | gradientFlow | standardSpectra | channelFisher | patterns | effectiveRanks |
		channelCorr | standardMinima | frozenUntrained
	frozenUntrained = standardProbes | standardInputGradients | standardJacobians
	unshared        = synapticFlow | gradientSpread | zenChange | weightFisher | weightKernel
	atStart         = untrained | unshared | linearRegions
)

// beside returns needs with the passes that cost next to nothing beside them.
func beside(needs passes) passes {
	all := needs | gammas
	if needs&^gammas != 0 {
		all |= affine | wiring
	}
	if needs&calibrated != 0 {
		all |= logits | loss
	}
	if needs&codes != 0 {
		all |= firing
	}
	return all
}

// measurements in the order in which they can share forward passes: those of the calibration images, those with the
// statistics frozen, those with resampled ones, and those of another network, whose Forward ends those of this one.
var measurements = []struct {
	needs passes
	take  func(*evidence) error
}{
	{affine | saliency | jacobians, (*evidence).readAffine},
	{gammas, (*evidence).readGammas},
	{calibrated, (*evidence).calibrate},
	{codes, (*evidence).takeCodes},
	{firing, (*evidence).takeFiring},
	{logits, (*evidence).takeLogits},
	{blockSpectra, (*evidence).takeBlockSpectra},
	{bnSpectra | bnVolumes, (*evidence).takeBNInputs},
	{bnSpectra, (*evidence).takeBNSpectra},
	{bnVolumes, (*evidence).takeBNVolumes},
	{statistics, (*evidence).takeNoise},
	{loss, (*evidence).takeLoss},
	{saliency, (*evidence).takeSaliency},
	{frozen, (*evidence).freeze},
	{probes, (*evidence).takeProbes},
	{inputGradients, (*evidence).takeInputGradients},
	{jacobians, (*evidence).takeJacobians},
	{resamples, (*evidence).resample},
	{untrained | unshared, (*evidence).buildStandard},
	{untrained, (*evidence).runStandard},
	{identities, (*evidence).takeIdentities},
	{standardCodes, (*evidence).takeStandardCodes},
	{imageGradients, (*evidence).takeImageGradients},
	{weightGradients | gradientFlow, (*evidence).takeWeightGradients},
	{gradientFlow, (*evidence).takeGradientFlow},
	{standardSpectra, (*evidence).takeStandardSpectra},
	{channelFisher, (*evidence).takeChannelFisher},
	{patterns, (*evidence).takePatterns},
	{effectiveRanks, (*evidence).takeEffectiveRanks},
	{channelCorr, (*evidence).takeChannelCorrelations},
	{frozenUntrained, (*evidence).freezeStandard},
	{standardProbes, (*evidence).takeStandardProbes},
	{standardInputGradients, (*evidence).takeStandardInputGradients},
	{standardJacobians, (*evidence).takeStandardJacobians},
	{standardMinima, (*evidence).takeStandardLeast},
	{synapticFlow, (*evidence).takeSynapticFlow},
	{gradientSpread, (*evidence).takeGradientSpread},
	{zenChange, (*evidence).takeZen},
	{weightFisher, (*evidence).takeWeightFisher},
	{weightKernel, (*evidence).takeWeightKernel},
	{linearRegions, (*evidence).takeRegions},
}

// evidence holds the measurements of one architecture. The comment of a field names the pass that fills it.
type evidence struct {
	*Scorer
	arch      supernet.Arch
	operators []int // at each place, supernet.Space.Chosen
	cost      supernet.Cost
	program   *kernels.Program
	exec      kernels.Exec

	gamma, beta [][]float64 // affine: for each BN of the program, by channel

	gram  []float64 // codes: Images×Images
	units int64     // codes: rectifiers of the network

	firingRate []float64 // firing: by step with an activation and channel
	logit      []float32 // logits: Images×Classes

	blockEntropy  []float64 // blockSpectra: by block
	blockEvenness []float64 // blockSpectra: by block, blockEntropy/log C
	inputs        bnInputs  // bnSpectra, bnVolumes
	bnEntropy     []float64 // bnSpectra: by BN
	bnVolume      []float64 // bnVolumes: by BN, log volume per channel
	noise         []float64 // statistics: by BN whose input varies

	nll, correct float64 // loss: mean negative log-likelihood, share of the images that are right
	saliency     float64 // saliency: Σ|γ∂γ|+|β∂β|

	isometries []float64 // probes: by block
	evenness   []float64 // probes: by block that changes gradients

	inputVolume float64 // inputGradients: log volume of the images' gradients

	logCondition, gaugeLogCondition float64 // jacobians: means over kernels
	kernelVolume                    float64 // jacobians: log volume of the images' gradients
	dimension                       float64 // jacobians: effective dimension of the Fisher matrix

	mc mcEvidence // resamples

	standard         standard      // untrained
	gains            []float64     // identities: by block that keeps its shape
	standardGram     []float64     // standardCodes: Images×Images
	imageCorrelation *mat.SymDense // imageGradients: Images×Images
	weights          weightSums    // weightGradients, gradientFlow
	gradientFlow     float64       // gradientFlow: −θᵀHg
	standardEntropy  []float64     // standardSpectra: of the stem and by block
	standardEvenness []float64     // standardSpectra: by block, its entropy/log C
	atStart          *evidence     // frozenUntrained: its isometries, evenness, inputVolume and dimension
	standardLeast    float64       // standardMinima: Σ over BatchNorms of λ_min/λ̄
	activationFisher float64       // channelFisher: Σ ½·mean (Σ_px z·∂L/∂z)², by weight
	flow             float64       // synapticFlow: Σ|W·∂R/∂W|
	inverseVariation float64       // gradientSpread: Σ log Σ mean/std
	distinct         int           // patterns: how many differ
	effectiveRank    float64       // effectiveRanks: Σ over layers
	leastCorrelation float64       // channelCorr: Σ over layers of the smallest eigenvalue
	zen              float64       // zenChange: the score
	fisherEntropy    float64       // weightFisher: of the deciles of its eigenvalues
	weightCondition  float64       // weightKernel: log κ
	regions          int           // linearRegions: how many
}

// gather takes every measurement in needs that the architecture has.
func (e *evidence) gather(needs passes) error {
	if needs&identities != 0 && !addsCopies(e.program) {
		needs &^= identities
	}
	for _, m := range measurements {
		if m.needs&needs == 0 {
			continue
		}
		if err := e.stopped(); err != nil {
			return err
		}
		if err := m.take(e); err != nil {
			return err
		}
	}
	return nil
}

// calibrate runs the calibration images, normalised with their own statistics.
func (e *evidence) calibrate() error {
	if err := e.exec.Forward(e.images, e.cfg.Images); err != nil {
		return fmt.Errorf("forward of the calibration images: %w", err)
	}
	return nil
}

// freeze goes on with the images of the kernels alone, and freezes the statistics of the calibration.
func (e *evidence) freeze() error { return e.exec.Restrict(e.frozenImages()) }

// frozenImages is the number of images of all kernels together.
func (s *Scorer) frozenImages() int { return s.cfg.NTKImages * s.cfg.NTKBatches }

// readAffine reads γ and β of every BN of the path.
func (e *evidence) readAffine() error {
	var err error
	e.gamma, e.beta, err = readAffine(e.store, kernels.Data, e.program)
	return err
}

// readAffine reads a slot of γ and β of every BN of p as float64.
func readAffine(s kernels.Store, slot kernels.Slot, p *kernels.Program) (gamma, beta [][]float64, err error) {
	g, b, err := kernels.ReadAffine(s, slot, p)
	if err != nil {
		return nil, nil, fmt.Errorf("read γ and β: %w", err)
	}
	return float64s(g), float64s(b), nil
}

func float64s(raw [][]float32) [][]float64 {
	out := make([][]float64, len(raw))
	for i, values := range raw {
		out[i] = make([]float64, len(values))
		for k, v := range values {
			out[i][k] = float64(v)
		}
	}
	return out
}
