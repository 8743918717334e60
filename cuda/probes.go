package cuda

import (
	"bnas.example/cuda/driver"
	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
)

// tap describes a load of what a Tap names, without activation.
func (e *exec) tap(t kernels.Tap) (gpu.Node, kernels.Shape, error) {
	shape, err := e.p.TapShape(t)
	if err != nil {
		return gpu.Node{}, kernels.Shape{}, err
	}
	if v, ok := t.Value(); ok {
		return e.value(v), shape, nil
	}
	n, _ := t.Node()
	return e.node(n, kernels.Linear), shape, nil
}

// value describes a load of a stored value as it is.
func (e *exec) value(v kernels.ValueID) gpu.Node {
	d := shaped(e.p.Values[v].Shape)
	d.Terms = 1
	d.Term[0].Value, d.Term[0].Half = e.at(e.plans.values[v]), e.plans.half(v)
	return d
}

// probing lays out a node and room for results, size bytes, in the probe buffer.
func (e *exec) probing(node gpu.Node, size int64) (at, room driver.Ptr, err error) {
	if err := e.probe.reserve(e.driver, nodeBytes+size); err != nil {
		return 0, 0, err
	}
	at = e.probe.base
	return at, at + driver.Ptr(nodeBytes), e.upload(at, bytesOf([]gpu.Node{node}))
}

// read copies the sum of a node, dense n×C×H×W.
func (e *exec) read(dst []float32, node gpu.Node) error {
	at, room, err := e.probing(node, 4*int64(len(dst)))
	if err == nil {
		err = e.queue(simple("read_node", len(dst), room, at, e.n))
	}
	if err != nil {
		return err
	}
	return e.driver.CopyOut(driver.Compute, bytesOf(dst), room)
}

// Read writes the tap itself, n×C×H×W.
func (e *exec) Read(t kernels.Tap, dst []float32) error {
	node, _, err := e.tap(t)
	if err != nil {
		return err
	}
	return e.read(dst, node)
}

// SpatialMean writes the mean over pixels, n×C.
func (e *exec) SpatialMean(t kernels.Tap, dst []float64) error {
	node, _, err := e.tap(t)
	if err != nil {
		return err
	}
	return perImage(e, "spatial_mean", node, dst)
}

// perImage runs a kernel that makes n×C numbers of a node, one block an image.
func perImage[T float64 | int64](e *exec, kernel string, node gpu.Node, dst []T) error {
	at, room, err := e.probing(node, 8*int64(len(dst)))
	if err == nil {
		err = e.queue(blocks(kernel, e.n, 1, room, at, e.n))
	}
	if err != nil {
		return err
	}
	return e.driver.CopyOut(driver.Compute, bytesOf(dst), room)
}

// Covariance writes the channels' means and biased covariances over images and pixels, in two passes: products are
// taken about the means.
func (e *exec) Covariance(t kernels.Tap, mean, cov []float64) error {
	node, s, err := e.tap(t)
	if err != nil {
		return err
	}
	each := make([]float64, e.n*s.C)
	if err := perImage(e, "spatial_mean", node, each); err != nil {
		return err
	}
	clear(mean)
	for i, v := range each {
		mean[i%s.C] += v / float64(e.n)
	}
	square := align(8 * int64(len(cov)))
	means := align(8 * int64(s.C))
	at, room, err := e.probing(node, means+square+int64(e.n)*8*int64(len(cov)))
	if err != nil {
		return err
	}
	total, partial := room+driver.Ptr(means), room+driver.Ptr(means+square)
	if err := e.upload(room, bytesOf(mean)); err != nil {
		return err
	}
	err = e.queue(
		blocks("covariance", e.n, 1, partial, room, at, e.n),
		simple("covariance_total", len(cov), total, partial, e.n, s.C, e.n*s.H*s.W),
	)
	if err != nil {
		return err
	}
	return e.driver.CopyOut(driver.Compute, bytesOf(cov), total)
}

// CodeGram counts, for each two images, the rectifiers that are both on or both off: exact integers.
func (e *exec) CodeGram(dst []int64) (units int64, err error) {
	first := true
	e.p.EachRectified(func(s *kernels.Step, id kernels.NodeID) {
		if err != nil {
			return
		}
		units += int64(s.ReLUs) * int64(e.p.Nodes[id].Len())
		err = e.addCodes(dst, id, int64(s.ReLUs), first)
		first = false
	})
	switch {
	case err != nil:
		return 0, err
	case first:
		clear(dst)
		return 0, nil
	}
	gram := e.probe.base + driver.Ptr(nodeBytes)
	return units, e.driver.CopyOut(driver.Compute, bytesOf(dst), gram)
}

// addCodes adds to the Gram matrix in the probe buffer the codes of one node.
func (e *exec) addCodes(gram []int64, id kernels.NodeID, weight int64, first bool) error {
	s := e.p.Nodes[id].Shape
	words := codeWords(s)
	room := align(8 * int64(len(gram)))
	if first {
		if err := e.probe.reserve(e.driver, nodeBytes+room+e.codeBytes()); err != nil {
			return err
		}
	}
	at, to, err := e.probing(e.node(id, kernels.Linear), room+4*int64(e.n)*int64(words))
	if err != nil {
		return err
	}
	bits := to + driver.Ptr(room)
	return e.queue(
		simple("pack_codes", e.n*words*32, bits, at, e.n, words),
		simple("code_gram", e.n*e.n*32, to, bits, e.n, words, s.Len(), weight, !first),
	)
}

// codeWords is the number of 32-bit words of one image's codes.
func codeWords(s kernels.Shape) int { return (s.H*s.W*pitchOf(s.C) + 31) / 32 }

// codeBytes is the room of the largest node's codes.
func (e *exec) codeBytes() (most int64) {
	e.p.EachRectified(func(_ *kernels.Step, id kernels.NodeID) {
		most = max(most, 4*int64(e.n)*int64(codeWords(e.p.Nodes[id].Shape)))
	})
	return most
}

// FiringRate writes the share of images and pixels at which each channel is > 0.
func (e *exec) FiringRate(dst []float64) error {
	var err error
	at := 0
	e.p.EachRectified(func(_ *kernels.Step, id kernels.NodeID) {
		s := e.p.Nodes[id].Shape
		counts := make([]int64, e.n*s.C)
		if err == nil {
			err = perImage(e, "fire_count", e.node(id, kernels.Linear), counts)
		}
		rates := dst[at : at+s.C]
		clear(rates)
		for i, on := range counts {
			rates[i%s.C] += float64(on)
		}
		for c := range rates {
			rates[c] /= float64(e.n) * float64(s.H*s.W)
		}
		at += s.C
	})
	return err
}
