package indicator

import (
	"fmt"
	"math"

	"bnas.example/kernels"
)

// takeChannelFisher sums ½·mean_n (Σ_px z·∂L/∂z)² over the channels z of all layers' outputs, each times the number of weights
// of a channel.
func (e *evidence) takeChannelFisher() error {
	s := e.standard
	if err := s.exec.CrossEntropy(e.labels, 0); err != nil {
		return fmt.Errorf("cross-entropy of the untrained standard network: %w", err)
	}
	inner, err := s.activationGradients(e.cfg.Images, e.labels)
	if err != nil {
		return err
	}
	for _, l := range layers(s.program) {
		perChannel := 1
		for _, d := range l.shape[1:] {
			perChannel *= d
		}
		for _, v := range inner[l.out] {
			e.activationFisher += .5 * v * v / float64(e.cfg.Images) * float64(perChannel)
		}
	}
	return nil
}

// activationGradients returns Σ_px z·∂L/∂z, images×channels, for the output z of each layer, L the mean cross-entropy of n images,
// with frozen statistics.
func (s standard) activationGradients(n int, labels []int) (map[kernels.ValueID][]float64, error) {
	p, inner := s.program, map[kernels.ValueID][]float64{}
	for _, l := range layers(p) {
		inner[l.out] = make([]float64, n*p.Values[l.out].C)
	}
	if err := s.throughBatchNorms(inner, n); err != nil {
		return nil, err
	}
	logits, d, err := s.logitGradient(n, labels)
	if err != nil {
		return nil, err
	}
	for i, z := range logits {
		inner[p.Logits()][i] = float64(z) * float64(d[i])
	}
	return inner, s.throughNodes(inner, n, d)
}

// throughBatchNorms adds the part of the layers' outputs that BatchNorms normalise. With y = γ(z−μ)/σ + β,
//
//	Σ_px z·∂L/∂z = γ·∂L/∂γ + (γμ/σ)·∂L/∂β.
func (s standard) throughBatchNorms(inner map[kernels.ValueID][]float64, n int) error {
	p := s.program
	gamma, _, err := readAffine(s.store, kernels.Data, p)
	if err != nil {
		return err
	}
	columns := p.BNParams()
	mean, variance := make([]float64, columns/2), make([]float64, columns/2)
	if err := s.exec.Statistics(mean, variance); err != nil {
		return fmt.Errorf("statistics of the untrained standard network: %w", err)
	}
	sample := make([]float32, n*columns)
	if err := s.exec.SampleGradients(sample); err != nil {
		return fmt.Errorf("gradients of the untrained standard network: %w", err)
	}
	at := 0
	for b, bn := range p.BNs {
		c := p.Values[bn.Value].C
		if of := inner[bn.Value]; of != nil {
			for k, g := range gamma[b] {
				shift := mean[at+k] / math.Sqrt(variance[at+k]+bn.Eps)
				for i := range n {
					row := sample[i*columns+2*at:]
					of[i*c+k] += g * (float64(row[k]) + shift*float64(row[c+k]))
				}
			}
		}
		at += c
	}
	return nil
}

// throughNodes adds the part of the layers' outputs that enter a node as they are. d is the gradient of the logits.
func (s standard) throughNodes(inner map[kernels.ValueID][]float64, n int, d []float32) error {
	p := s.program
	seed, head, err := s.headGradient(n, d)
	if err != nil {
		return err
	}
	for i, node := range p.Nodes {
		var gradient []float32
		for _, t := range node.Terms {
			of := inner[t.Value]
			if t.BN != kernels.NoBN || of == nil {
				continue
			}
			if gradient == nil {
				gradient = make([]float32, n*node.Len())
				if err := s.exec.NodeGradient(gradient, kernels.NodeID(i), seed, head); err != nil {
					return fmt.Errorf("gradient at %s: %w", node.Name, err)
				}
			}
			z := make([]float32, n*node.Len())
			if err := s.exec.Read(kernels.ValueTap(t.Value), z); err != nil {
				return fmt.Errorf("%s: %w", p.Values[t.Value].Name, err)
			}
			for k, v := range z {
				of[k/(node.H*node.W)] += float64(v) * float64(gradient[k])
			}
		}
	}
	return nil
}

// logitGradient returns the logits of n images and ∂L/∂logits = (softmax − onehot)/n.
func (s standard) logitGradient(n int, labels []int) (logits, d []float32, err error) {
	classes := s.program.Classes()
	logits, d = make([]float32, n*classes), make([]float32, n*classes)
	if err := s.exec.Logits(logits); err != nil {
		return nil, nil, fmt.Errorf("logits of the untrained standard network: %w", err)
	}
	p := make([]float64, classes)
	for i, label := range labels {
		for k, v := range logits[i*classes : (i+1)*classes] {
			p[k] = float64(v)
		}
		softmax(p, p, 1)
		p[label]--
		for k, v := range p {
			d[i*classes+k] = float32(v / float64(n))
		}
	}
	return logits, d, nil
}

// headGradient sends a gradient of the logits back to the node that the classifier loads.
func (s standard) headGradient(n int, d []float32) ([]float32, kernels.NodeID, error) {
	all := layers(s.program)
	classifier, err := all[len(all)-1].read(s.store, kernels.Data)
	if err != nil {
		return nil, 0, err
	}
	head := s.program.Steps[len(s.program.Steps)-1].In[0]
	width, classes := s.program.Nodes[head].C, s.program.Classes()
	seed := make([]float32, n*width)
	for i := range n {
		for k, w := range classifier {
			seed[i*width+k%width] += d[i*classes+k/width] * w
		}
	}
	return seed, head, nil
}

// fisher is Σ over the channels z of the layers' outputs of ½·mean_n (Σ_px z·∂L/∂z)², times the number of weights of a channel, L
// the mean cross-entropy of the calibration images, on the untrained standard network. The layers are the convolutions, before
// BatchNorm, and the classifier that the logits depend on. The authors differentiate the batch statistics; here they are frozen. No
// γ or β of the supernet is read. Source: Turner, Crowley, O'Boyle, Storkey and Gray, "BlockSwap" (ICLR 2020), summed over weights
// by Abdelfattah, Mehrotra, Dudziak and Lane (ICLR 2021).
func fisher(e *evidence) float64 { return e.activationFisher }
