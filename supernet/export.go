package supernet

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"bnas.example/kernels"
	"bnas.example/safetensors"
)

// Statistics holds μ and the biased σ² of every channel of every BatchNorm of a Program, in the order of its BNs.
// kernels.Exec.Statistics writes them. BatchNorms of one value have the same statistics.
type Statistics struct{ Mean, Variance []float64 }

// NewStatistics returns the statistics of an untrained network, μ = 0 and σ² = 1.
func NewStatistics(p *kernels.Program) Statistics {
	s := Statistics{Mean: make([]float64, p.BNParams()/2), Variance: make([]float64, p.BNParams()/2)}
	for i := range s.Variance {
		s.Variance[i] = 1
	}
	return s
}

// Export writes an architecture as the state dict of the space's own PyTorch code, in safetensors. Weights, γ, β and the
// classifier are those of store, running statistics those of stats. running_var is the σ² of stats, so that PyTorch in
// evaluation mode normalises as bnas does. (PyTorch's own training would have stored σ²·m/(m−1).) The file has the
// modules without a path to the logits too, with μ = 0 and σ² = 1. Its metadata is that of the network, and images: what is
// known of the images that the network classifies, or nil.
func Export(w io.Writer, n *Net, store kernels.Store, a Arch, stats Statistics, images map[string]string) error {
	b, err := n.record(a)
	if err != nil {
		return err
	}
	p, err := b.program(n.Space.Format(a))
	if err != nil {
		return err
	}
	running, err := stats.byBN(p)
	if err != nil {
		return err
	}
	var tensors []safetensors.Tensor
	for _, m := range b.modules {
		for _, id := range m.params {
			t, err := n.tensor(store, id, kernels.Data, b.exported[id])
			if err != nil {
				return err
			}
			tensors = append(tensors, t)
		}
		if m.bn != none {
			mean, variance := running[m.params[0]].tensors(m.name, n.params[m.params[0]].Len())
			tensors = append(tensors, mean, variance, safetensors.Int64(m.name+".num_batches_tracked", nil, []int64{0}))
		}
	}
	metadata := n.Metadata(a)
	maps.Copy(metadata, images)
	return safetensors.Write(w, metadata, tensors...)
}

// Metadata returns the metadata of an exported file: the configuration and the architecture. The description of a user's own
// space is in JSON.
func (n *Net) Metadata(a Arch) map[string]string {
	c := n.Config
	m := map[string]string{
		"format": "pt", "space": c.Space, "arch": n.Space.Format(a), "bn": string(c.BN),
		"seed": strconv.FormatUint(c.Seed, 10), "gamma_init": string(c.Gamma),
		"classes": strconv.Itoa(c.Classes), "channels": strconv.Itoa(c.Channels), "cells": strconv.Itoa(c.Cells),
		"height": strconv.Itoa(c.Height), "width": strconv.Itoa(c.Width),
	}
	if c.Stem != "" {
		m["stem"] = c.Stem
	}
	if described, ok := n.Space.(interface{ description() string }); ok && described.description() != "" {
		m["chain"] = described.description()
	}
	return m
}

func (n *Net) tensor(store kernels.Store, id kernels.ParamID, slot kernels.Slot, name string) (safetensors.Tensor, error) {
	p := n.params[id]
	v := make([]float32, p.Len())
	if err := store.Read(slot, v, id); err != nil {
		return safetensors.Tensor{}, fmt.Errorf("supernet: %s: %w", p.Name, err)
	}
	return safetensors.Float32(name, p.Shape, v), nil
}

// channelStatistics holds the statistics of one BatchNorm. The zero value means μ = 0 and σ² = 1.
type channelStatistics struct{ mean, variance []float64 }

// Check returns an error if s does not have one mean and one variance for each channel of the program's BatchNorms, or if
// BatchNorms of one value have different statistics.
func (s Statistics) Check(p *kernels.Program) error {
	_, err := s.byBN(p)
	return err
}

func (s Statistics) byBN(p *kernels.Program) (map[kernels.ParamID]channelStatistics, error) {
	if n := p.BNParams() / 2; len(s.Mean) != n || len(s.Variance) != n {
		return nil, fmt.Errorf("supernet: %s: %d means and %d variances, want %d of each", p.Name, len(s.Mean), len(s.Variance), n)
	}
	of := map[kernels.ParamID]channelStatistics{}
	ofValue := map[kernels.ValueID]channelStatistics{}
	at := 0
	for _, b := range p.BNs {
		end := at + p.Values[b.Value].C
		c := channelStatistics{s.Mean[at:end], s.Variance[at:end]}
		if first, ok := ofValue[b.Value]; ok && !(slices.Equal(first.mean, c.mean) && slices.Equal(first.variance, c.variance)) {
			return nil, fmt.Errorf("supernet: %s: %s has other statistics than a BatchNorm of the same value %s", p.Name, b.Name, p.Values[b.Value].Name)
		}
		of[b.Gamma], ofValue[b.Value] = c, c
		at = end
	}
	return of, nil
}

func (s channelStatistics) tensors(name string, channels int) (mean, variance safetensors.Tensor) {
	m, v := make([]float32, channels), make([]float32, channels)
	for c := range channels {
		v[c] = 1
		if s.mean != nil {
			m[c], v[c] = float32(s.mean[c]), float32(s.variance[c])
		}
	}
	shape := []int{channels}
	return safetensors.Float32(name+".running_mean", shape, m), safetensors.Float32(name+".running_var", shape, v)
}
