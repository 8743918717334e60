package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Normal is a normalisation that replaces that of a set: the mean and the deviation of red, green and blue, or of grey, in units
// of a byte (0…255). Both are empty, or both have a number for each channel.
type Normal struct {
	Mean []float64 `yaml:"mean"`
	Std  []float64 `yaml:"std"`
}

// mostStd is the largest deviation that is taken. No bytes have one above 127.5; of pixels that are far smaller a BatchNorm sees its ε alone.
const mostStd = 1000

// Validate returns an error if images cannot be normalised so.
func (n Normal) Validate() error {
	if len(n.Mean) == 0 && len(n.Std) == 0 {
		return nil
	}
	if len(n.Mean) != len(n.Std) || len(n.Mean) != grey && len(n.Mean) != colour {
		return fmt.Errorf("mean %v and std %v: both are needed, each with three numbers: red, green, blue; or with one: grey", n.Mean, n.Std)
	}
	for c := range n.Mean {
		if !(n.Mean[c] >= 0 && n.Mean[c] <= 255) {
			return fmt.Errorf("mean %v: each number must be 0…255", n.Mean)
		}
		if !(n.Std[c] > 0 && n.Std[c] <= mostStd) {
			return fmt.Errorf("std %v: each number must be above 0, and at most %d", n.Std, mostStd)
		}
		if 255/n.Std[c] > math.MaxFloat32 {
			return fmt.Errorf("std %v: a byte divided by %v is no float32; each number must be larger", n.Std, n.Std[c])
		}
	}
	if slices.Max(n.Mean) <= 1 && slices.Max(n.Std) <= 1 {
		return errors.New("mean and std are in units of 0…1; multiply them by 255")
	}
	return nil
}

// of returns the set with this normalisation.
func (n Normal) of(s Set) (Set, error) {
	if len(n.Mean) == 0 {
		return s, nil
	}
	if len(n.Mean) != s.Channels() {
		have := map[int]string{grey: "one channel; give one number", colour: "three channels; give three numbers"}[s.Channels()]
		return nil, fmt.Errorf("mean %v and std %v: the images have %s of each", n.Mean, n.Std, have)
	}
	return &normalised{Set: s, mean: n.Mean, std: n.Std}, nil
}

type normalised struct {
	Set
	mean, std []float64
}

func (n *normalised) Normal() (mean, std []float64) { return n.mean, n.std }

// Hash differs from that of the set: the networks see other numbers.
func (n *normalised) Hash() string {
	sum := sha256.Sum256(fmt.Appendln(nil, n.Set.Hash(), n.mean, n.std))
	return hex.EncodeToString(sum[:])
}
