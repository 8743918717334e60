// Package verify writes the results of a network to a file, so that another framework can check every number.
package verify

import (
	"errors"
	"fmt"
	"io"

	"bnas.example/kernels"
	"bnas.example/safetensors"
	"bnas.example/supernet"
)

// StatisticsMode selects the statistics of a Trace, and thereby whether its gradients take them as constants.
type StatisticsMode string

const (
	// BatchStatistics are those of the images. grad.* differentiates through them, as PyTorch in training mode.
	BatchStatistics StatisticsMode = "batch"
	// FrozenStatistics are those of Traced.Stats. grad.* takes them as constants, as PyTorch in evaluation mode.
	FrozenStatistics StatisticsMode = "frozen"
)

// Traced holds the inputs of a Trace.
type Traced struct {
	Arch   supernet.Arch
	Images []float32 // N×C×H×W, normalised
	Labels []int     // N
	Mode   StatisticsMode
	Stats  supernet.Statistics // FrozenStatistics only
	Active bool                // write active.NAME too
}

// Trace runs one forward and one backward pass of the mean cross-entropy. It writes the results in safetensors, with the
// names of supernet.StateDict:
//
//	logits            N×K
//	loss              1
//	mean.BN, var.BN   C, the μ and biased σ² of the normalisation, float64
//	grad.NAME         ∂loss/∂NAME for every γ and β that reaches the logits, and the classifier's weight and bias
//	sample_grad.NAME  N×C for every γ and β: each image's own contribution to ∂loss/∂NAME, with frozen statistics, in
//	                  both modes. With frozen statistics they add up to grad.NAME.
//	active.NAME       N×C×H×W, if requested: 1 where the derivative of the rectifier before the module NAME was 1,
//	                  0 elsewhere
func Trace(w io.Writer, n *supernet.Net, dev kernels.Device, store kernels.Store, t Traced) error {
	p, err := n.Program(t.Arch)
	if err != nil {
		return err
	}
	if err := t.check(p); err != nil {
		return err
	}
	exec, err := dev.Compile(p, store, len(t.Labels))
	if err != nil {
		return fmt.Errorf("verify: trace: %w", err)
	}
	names, err := n.ExportNames(t.Arch)
	if err != nil {
		return err
	}
	tr := &tracer{net: n, program: p, exec: exec, store: store, traced: t, names: names}
	for _, step := range []func() error{tr.forward, tr.statistics, tr.gradients, tr.sampleGradients, tr.active} {
		if err := step(); err != nil {
			return fmt.Errorf("verify: trace: %w", err)
		}
	}
	metadata := n.Metadata(t.Arch)
	metadata["format"] = "pt"
	metadata["statistics"] = string(t.Mode)
	return safetensors.Write(w, metadata, tr.tensors...)
}

func (t Traced) check(p *kernels.Program) error {
	shape := p.Values[kernels.Images].Shape
	if len(t.Labels) == 0 || len(t.Images) != len(t.Labels)*shape.Len() {
		return fmt.Errorf("verify: trace: %d labels and %d numbers of images, want %v = %d for each", len(t.Labels), len(t.Images), shape, shape.Len())
	}
	for i, l := range t.Labels {
		if l < 0 || l >= p.Classes() {
			return fmt.Errorf("verify: trace: label %d of image %d is not in 0…%d", l, i, p.Classes()-1)
		}
	}
	if t.Mode != BatchStatistics && t.Mode != FrozenStatistics {
		return fmt.Errorf("verify: trace: unknown statistics %q, want %q or %q", t.Mode, BatchStatistics, FrozenStatistics)
	}
	return nil
}

type tracer struct {
	net     *supernet.Net
	program *kernels.Program
	exec    kernels.Exec
	store   kernels.Store
	traced  Traced
	names   map[kernels.ParamID]string // as a supernet.StateDict has them
	tensors []safetensors.Tensor
}

func (t *tracer) forward() error {
	rows := len(t.traced.Labels)
	if t.traced.Mode == FrozenStatistics {
		rows = 0
		if err := t.traced.Stats.Check(t.program); err != nil {
			return err
		}
		if err := t.exec.SetStatistics(t.traced.Stats.Mean, t.traced.Stats.Variance); err != nil {
			return err
		}
	}
	if err := t.exec.Forward(t.traced.Images, rows); err != nil {
		return err
	}
	logits := make([]float32, len(t.traced.Labels)*t.program.Classes())
	if err := t.exec.Logits(logits); err != nil {
		return err
	}
	if err := t.exec.CrossEntropy(t.traced.Labels, 0); err != nil {
		return err
	}
	loss, _, err := t.exec.Loss()
	t.tensors = append(t.tensors,
		safetensors.Float32("logits", []int{len(t.traced.Labels), t.program.Classes()}, logits),
		safetensors.Float64("loss", []int{1}, []float64{loss}))
	return err
}

func (t *tracer) statistics() error {
	s := supernet.NewStatistics(t.program)
	if err := t.exec.Statistics(s.Mean, s.Variance); err != nil {
		return err
	}
	at := 0
	for _, b := range t.program.BNs {
		end := at + t.program.Values[b.Value].C
		shape := []int{end - at}
		t.tensors = append(t.tensors,
			safetensors.Float64("mean."+b.Name, shape, s.Mean[at:end]), safetensors.Float64("var."+b.Name, shape, s.Variance[at:end]))
		at = end
	}
	return nil
}

func (t *tracer) gradients() error {
	mode := kernels.DifferentiateStatistics
	if t.traced.Mode == FrozenStatistics {
		mode = kernels.FreezeStatistics
	}
	if err := t.exec.Backward(mode, false); err != nil {
		return err
	}
	ids := t.net.Trainable(supernet.AllBNAndClassifier, t.program)
	gradients, err := kernels.ReadEach(t.store, kernels.Grad, ids...)
	if err != nil {
		return err
	}
	shapes := t.program.Shapes()
	for i, id := range ids {
		view := t.net.Params()[id].View(shapes[id]...)
		t.tensors = append(t.tensors, safetensors.Float32("grad."+t.names[id], shapes[id], kernels.Gather(view, gradients[i])))
	}
	return nil
}

func (t *tracer) sampleGradients() error {
	images, columns := len(t.traced.Labels), t.program.BNParams()
	jacobian := make([]float32, images*columns)
	if err := t.exec.SampleGradients(jacobian); err != nil {
		return err
	}
	at := 0
	for _, b := range t.program.BNs {
		channels := t.program.Values[b.Value].C
		for _, id := range []kernels.ParamID{b.Gamma, b.Beta} {
			g := make([]float32, 0, images*channels)
			for n := range images {
				g = append(g, jacobian[n*columns+at:n*columns+at+channels]...)
			}
			t.tensors = append(t.tensors, safetensors.Float32("sample_grad."+t.names[id], []int{images, channels}, g))
			at += channels
		}
	}
	return nil
}

// active reads the nodes that enter a rectifier: under the names of the values that are computed from it, and once under its
// own. A network in which activations follow their BatchNorms finds its rectifiers by the second.
func (t *tracer) active() error {
	if !t.traced.Active {
		return nil
	}
	var err error
	seen := map[kernels.NodeID]bool{}
	t.program.EachRectified(func(s *kernels.Step, id kernels.NodeID) {
		node := t.program.Nodes[id]
		z := make([]float32, len(t.traced.Labels)*node.Len())
		if err = errors.Join(err, t.exec.Read(kernels.NodeTap(id), z)); err != nil {
			return
		}
		on := make([]byte, len(z))
		for i, v := range z {
			if v > 0 && (s.Act != kernels.ReLU6 || v < 6) {
				on[i] = 1
			}
		}
		add := func(name string) {
			t.tensors = append(t.tensors, safetensors.Bytes(name, []int{len(t.traced.Labels), node.C, node.H, node.W}, on))
		}
		for _, v := range s.Outputs() {
			if len(s.In) == 1 {
				add("active." + t.program.Values[v].Name)
			}
		}
		if !seen[id] {
			seen[id] = true
			add("active_node." + node.Name)
		}
	})
	return err
}
