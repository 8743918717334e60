package train

import (
	"fmt"
	"slices"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// running holds the running statistics of the BatchNorms of a fixed path, as PyTorch keeps them: with momentum a and m values
// of a channel in the batch,
//
//	μ' = (1−a)·μ + a·μ_b,  σ²' = (1−a)·σ² + a·σ_b²·m/(m−1)
//
// with the biased σ_b² of the batch, from μ = 0 and σ² = 1. For m = 1, which PyTorch refuses, the factor is 1.
type running struct {
	supernet.Statistics
	batch supernet.Statistics // of the last Forward, with those of an auxiliary head
	at    []int               // of each channel in batch
}

// newRunning returns the statistics of an untrained network. In training its Program is another one, which has all of its
// BatchNorms.
func newRunning(network, training *kernels.Program) *running {
	r := &running{Statistics: supernet.NewStatistics(network), batch: supernet.NewStatistics(training)}
	first, next := map[kernels.ParamID]int{}, 0 // by γ
	for _, b := range training.BNs {
		first[b.Gamma] = next
		next += training.Values[b.Value].C
	}
	for _, b := range network.BNs {
		for c := range network.Values[b.Value].C {
			r.at = append(r.at, first[b.Gamma]+c)
		}
	}
	return r
}

// queue reads the statistics of a batch; add adds them.
func (r *running) queue(exec kernels.Exec) *kernels.Pending[kernels.Nothing] {
	return exec.QueueStatistics(r.batch.Mean, r.batch.Variance)
}

func (r *running) add(p *kernels.Program, images int, momentum float64) {
	at := 0
	for _, b := range p.BNs {
		v := p.Values[b.Value]
		m := float64(images * v.H * v.W)
		unbiased := m / max(m-1, 1)
		for range v.C {
			from := r.at[at]
			r.Mean[at] += momentum * (r.batch.Mean[from] - r.Mean[at])
			r.Variance[at] += momentum * (r.batch.Variance[from]*unbiased - r.Variance[at])
			at++
		}
	}
}

// encode returns the statistics for a checkpoint; decodeRunning is its inverse.
func (r *running) encode() []byte {
	if r == nil {
		return nil
	}
	return encodeFloats(slices.Concat(r.Mean, r.Variance))
}

// decodeRunning returns the statistics of a checkpoint, or nil if it has none.
func decodeRunning(b []byte) (*supernet.Statistics, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if len(b)%16 != 0 {
		return nil, fmt.Errorf("%w: running statistics of %d bytes", errDamaged, len(b))
	}
	v := decodeFloats(b)
	return &supernet.Statistics{Mean: v[:len(v)/2], Variance: v[len(v)/2:]}, nil
}
