package indicator

import (
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
)

// takeNoise computes for each BN the share of its input's variance that is between images: the mean over channels c of
// Var_n[m_nc]/(σ_c²+ε), with m_nc the mean over pixels of channel c of image n. A constant input (zeros) is left out.
func (e *evidence) takeNoise() error {
	p, n := e.program, e.cfg.Images
	total := 0
	for _, bn := range p.BNs {
		total += p.Values[bn.Value].C
	}
	means, variances := make([]float64, total), make([]float64, total)
	if err := e.exec.Statistics(means, variances); err != nil {
		return fmt.Errorf("statistics: %w", err)
	}
	between := map[kernels.ValueID][]float64{}
	at := 0
	for _, bn := range p.BNs {
		channels := p.Values[bn.Value].C
		if between[bn.Value] == nil {
			spatial := make([]float64, n*channels)
			if err := e.exec.SpatialMean(kernels.ValueTap(bn.Value), spatial); err != nil {
				return fmt.Errorf("spatial means of the input of %s: %w", bn.Name, err)
			}
			between[bn.Value] = columnVariances(spatial, n, channels)
		}
		var share float64
		for c, v := range between[bn.Value] {
			share += v / (variances[at+c] + bn.Eps) / float64(channels)
		}
		if slices.Max(variances[at:at+channels]) > 0 {
			e.noise = append(e.noise, share)
		}
		at += channels
	}
	return nil
}

// bnNoise is minus the mean over BatchNorms of the noise of their statistics,
//
//	U = −mean_l mean_c Var_n[ mean over pixels of x̂_nc ],
//
// dimensionless, from −1 to 0. Training with BatchNorm is approximate Bayesian inference. μ and σ of the batch are the
// random parameters (Teye, Azizpour and Smith, ICML 2018). The uncertainty of a prediction comes from their variance. μ_B is
// the mean of m_n over the B images of a batch, with m_n the mean over pixels of one image. Images are independent:
// Var[μ_B] = Var_n[m_n]/B. After normalisation it is Var[μ_B]/σ² = Var_n[m̂_n]/B. B is the same for all networks and is left
// out. Nothing is sampled. A network with noisier statistics is expected to be worse. Gauge-invariant: x̂ depends on the
// scale of its input only through ε. Source: ours, from Teye et al.
func bnNoise(e *evidence) float64 { return -mean(e.noise) }

// noiseFloor keeps the logarithm finite where all images have the same statistics.
const noiseFloor = 1e-6

// bnNoiseLog is bnNoise with the geometric mean over BatchNorms,
//
//	U = −mean_l log(noise_l + 1e-6),  noise_l = mean_c Var_n[ mean over pixels of x̂_nc ].
//
// A layer whose statistics hardly vary counts as much as one whose statistics vary much. Dimensionless. Gauge-invariant.
// Source: ours, from bnNoise.
func bnNoiseLog(e *evidence) float64 {
	logs := make([]float64, len(e.noise))
	for i, v := range e.noise {
		logs[i] = math.Log(v + noiseFloor)
	}
	return -mean(logs)
}

// columnVariances returns the biased variances of the columns of an n×c matrix. That of equal numbers is exactly 0.
func columnVariances(x []float64, n, c int) []float64 {
	mean, out := make([]float64, c), make([]float64, c)
	varies := make([]bool, c)
	for i := range n {
		for k, v := range x[i*c : (i+1)*c] {
			mean[k] += v / float64(n)
			varies[k] = varies[k] || v != x[k]
		}
	}
	for k := range mean {
		if !varies[k] {
			mean[k] = x[k] // the sum is rounded
		}
	}
	for i := range n {
		for k, v := range x[i*c : (i+1)*c] {
			d := v - mean[k]
			out[k] += d * d / float64(n)
		}
	}
	return out
}
