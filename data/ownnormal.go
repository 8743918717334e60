package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
)

// Normal is a normalisation that replaces that of a set: the mean and the deviation of red, green and blue, in units of a
// byte (0…255). Both are empty, or both have three numbers.
type Normal struct {
	Mean []float64 `yaml:"mean"`
	Std  []float64 `yaml:"std"`
}

// Validate returns an error if images cannot be normalised so.
func (n Normal) Validate() error {
	if len(n.Mean) == 0 && len(n.Std) == 0 {
		return nil
	}
	if len(n.Mean) != 3 || len(n.Std) != 3 {
		return fmt.Errorf("mean %v and std %v: both are needed, each with three numbers: red, green, blue", n.Mean, n.Std)
	}
	for c := range 3 {
		if !(n.Mean[c] >= 0 && n.Mean[c] <= 255) {
			return fmt.Errorf("mean %v: each number must be 0…255", n.Mean)
		}
		if !(n.Std[c] > 0) || math.IsInf(n.Std[c], 0) {
			return fmt.Errorf("std %v: each number must be above 0", n.Std)
		}
	}
	if max(n.Mean[0], n.Mean[1], n.Mean[2]) <= 1 && max(n.Std[0], n.Std[1], n.Std[2]) <= 1 {
		return errors.New("mean and std are in units of 0…1; multiply them by 255")
	}
	return nil
}

// of returns the set with this normalisation.
func (n Normal) of(s Set) Set {
	if len(n.Mean) == 0 {
		return s
	}
	return &normalised{Set: s, mean: [3]float64(n.Mean), std: [3]float64(n.Std)}
}

type normalised struct {
	Set
	mean, std [3]float64
}

func (n *normalised) Normal() (mean, std [3]float64) { return n.mean, n.std }

// Hash differs from that of the set: the networks see other numbers.
func (n *normalised) Hash() string {
	sum := sha256.Sum256(fmt.Appendln(nil, n.Set.Hash(), n.mean, n.std))
	return hex.EncodeToString(sum[:])
}
