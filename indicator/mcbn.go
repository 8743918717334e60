package indicator

import (
	"fmt"
	"math"
)

// mcEvidence holds the measurements of MC-BatchNorm (Teye, Azizpour and Smith, ICML 2018). The logits of the queries are
// computed several times, each time with the statistics of another batch.
type mcEvidence struct {
	mi, nll         float64 // of the standardised logits, nats
	within, between float64 // variance of the logits over batches, and over queries, summed over classes
	constant        bool    // the logits do not depend on the query
}

// resample runs [batch; queries] for every batch, with statistics from the batch's rows only.
func (e *evidence) resample() error {
	k := e.program.Classes()
	b, q := e.cfg.MCBatch, e.cfg.MCQueries
	all := make([]float32, (b+q)*k)
	logits := make([][]float64, len(e.resampled))
	for t, images := range e.resampled {
		if err := e.stopped(); err != nil {
			return err
		}
		if err := e.exec.Forward(images, b); err != nil {
			return fmt.Errorf("MC-BatchNorm batch %d: %w", t, err)
		}
		if err := e.exec.Logits(all); err != nil {
			return fmt.Errorf("MC-BatchNorm batch %d: %w", t, err)
		}
		logits[t] = make([]float64, q*k)
		for i, v := range all[b*k:] {
			logits[t][i] = float64(v)
		}
	}
	e.mc = mcMeasure(logits, k, e.queryLabels)
	return nil
}

// mcMeasure reduces T×(Q·K) logits.
func mcMeasure(logits [][]float64, k int, labels []int) mcEvidence {
	t, n := float64(len(logits)), len(labels)
	m := mcEvidence{}
	mean := make([]float64, n*k)
	for i := range mean {
		for _, f := range logits {
			mean[i] += f[i] / t
		}
		for _, f := range logits {
			m.within += (f[i] - mean[i]) * (f[i] - mean[i]) / (t * float64(n))
		}
	}
	m.between = sum(columnVariances(mean, n, k))
	scale := math.Sqrt(m.between / float64(k))
	if m.constant = scale == 0; m.constant {
		return m
	}
	p, average := make([]float64, k), make([]float64, k)
	for i, label := range labels {
		clear(average)
		var conditional float64
		for _, f := range logits {
			softmax(p, f[i*k:(i+1)*k], scale)
			conditional += entropy(p) / t
			for c := range p {
				average[c] += p[c] / t
			}
		}
		m.mi += (entropy(average) - conditional) / float64(n)
		m.nll -= math.Log(max(average[label], math.SmallestNonzeroFloat64)) / float64(n)
	}
	return m
}

// softmax writes exp(f/scale) normalised.
func softmax(p, f []float64, scale float64) {
	top := math.Inf(-1)
	for _, v := range f {
		top = max(top, v)
	}
	var total float64
	for c, v := range f {
		p[c] = math.Exp((v - top) / scale)
		total += p[c]
	}
	for c := range p {
		p[c] /= total
	}
}

// entropy of a distribution in nats.
func entropy(p []float64) float64 {
	var h float64
	for _, v := range p {
		if v > 0 {
			h -= v * math.Log(v)
		}
	}
	return h
}

// mcMI is minus the mutual information of prediction and batch statistics, in nats, mean over queries,
//
//	U = −mean_x [ H(p̄(x)) − mean_t H(p_t(x)) ],  p_t = softmax(f_t/s),
//
// with s the standard deviation of the logits over queries, which removes the scale of a frozen classifier. It measures
// epistemic uncertainty; low is taken as good. A network at chance level has little of it too. −∞ if the logits are the same
// for all queries. Gauge-invariant: it depends on the function only. Source: Teye, Azizpour and Smith (ICML 2018) for the
// resampling; measure and sign are ours.
func mcMI(e *evidence) float64 { return e.mc.orLowest(-e.mc.mi) }

// mcVariance is minus the variance of the logits over resampled statistics relative to their variance over queries,
// dimensionless. Invariant, also under the classifier's scale. Source: ours, after Teye et al.
func mcVariance(e *evidence) float64 { return e.mc.orLowest(-e.mc.within / e.mc.between) }

// mcNLL is minus the negative log-likelihood of the averaged prediction p̄ on the queries' labels, in nats. Unlike
// mcMI it is not high for a network at chance. Gauge-invariant. Source: ours, after Teye et al.
func mcNLL(e *evidence) float64 { return e.mc.orLowest(-e.mc.nll) }

// orLowest returns v, or −∞ if the logits are constant.
func (m mcEvidence) orLowest(v float64) float64 {
	if m.constant {
		return math.Inf(-1)
	}
	return v
}
