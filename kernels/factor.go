package kernels

import (
	"errors"
	"fmt"
	"math"
)

// NoFactor is the row of a term without a factor.
const NoFactor = -1

// Factors returns the number of terms with a factor: the number of rows of Runner.SetFactors.
func (p *Program) Factors() int {
	rows := 0
	for _, node := range p.Nodes {
		for _, t := range node.Terms {
			if t.Factor {
				rows++
			}
		}
	}
	return rows
}

// FactorRows returns the row of each term of each node, or NoFactor. Rows are numbered in the order of the nodes and of their
// terms.
func (p *Program) FactorRows() [][MaxTerms]int {
	rows, next := make([][MaxTerms]int, len(p.Nodes)), 0
	for n, node := range p.Nodes {
		for k := range rows[n] {
			rows[n][k] = NoFactor
		}
		for k, t := range node.Terms {
			if t.Factor {
				rows[n][k] = next
				next++
			}
		}
	}
	return rows
}

// TermName returns the name of the BatchNorm of a term, or of its value.
func (p *Program) TermName(t Term) string {
	if t.BN != NoBN {
		return p.BNs[t.BN].Name
	}
	return p.Values[t.Value].Name
}

// SetFactors checks the factors, and passes them on.
func (e *guardedExec) SetFactors(factors []float32) error {
	err := e.checkFactors(factors)
	if err == nil {
		err = e.exec.SetFactors(factors)
	}
	if err != nil {
		return e.wrap("SetFactors", err)
	}
	e.n, e.factored = 0, 0
	if rows := e.p.Factors(); rows > 0 {
		e.factored = len(factors) / rows
	}
	return nil
}

func (e *guardedExec) checkFactors(factors []float32) error {
	rows := e.p.Factors()
	switch {
	case e.gone() != nil:
		return e.gone()
	case rows == 0 && len(factors) > 0:
		return errors.New("no term of the program has a factor")
	case rows > 0 && (len(factors)%rows != 0 || len(factors)/rows > e.most):
		return fmt.Errorf("factors: %d elements, must be 0…%d times %d", len(factors), e.most, rows)
	}
	for i, f := range factors {
		if f64 := float64(f); math.IsNaN(f64) || math.IsInf(f64, 0) {
			return fmt.Errorf("factor %d is %v, not finite", i, f)
		}
	}
	return nil
}

// checkFactored returns an error if the factors are those of another number of images than n.
func (e *guardedExec) checkFactored(n int) error {
	if e.factored != 0 && e.factored != n {
		return fmt.Errorf("images: %d, and the factors of %d are set", n, e.factored)
	}
	return nil
}
