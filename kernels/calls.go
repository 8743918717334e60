package kernels

import (
	"errors"
	"fmt"
)

// CheckForward says what a Forward call has wrong, and otherwise how many images it has: elements is the length of its
// images, most how many the Exec was compiled for, known whether there are statistics already.
func (p *Program) CheckForward(elements, most, statRows int, known bool) (n int, err error) {
	size := p.Values[Images].Len()
	n = elements / size
	switch {
	case n < 1 || n*size != elements || n > most:
		return 0, fmt.Errorf("images: %d elements, must be 1…%d times %d", elements, most, size)
	case statRows < 0 || statRows > n:
		return 0, fmt.Errorf("statistics of %d of %d images", statRows, n)
	case statRows == 0 && !known:
		return 0, errors.New("statistics of no images, and none were set")
	}
	return n, nil
}

// Check says what is wrong with this treatment of the statistics after a Forward that took them from statRows of n
// images.
func (s StatGrad) Check(n, statRows int) error {
	switch {
	case s != HoldStatistics && s != DifferentiateStatistics:
		return fmt.Errorf("no treatment %d of statistics", s)
	case s == DifferentiateStatistics && statRows != n:
		return fmt.Errorf("statistics of %d of %d images cannot be differentiated", statRows, n)
	}
	return nil
}

// CheckNodes says what is wrong with the ends of a NodeGradient call.
func (p *Program) CheckNodes(nodes ...NodeID) error {
	for _, n := range nodes {
		if !p.hasNode(n) {
			return fmt.Errorf("no node %d", n)
		}
	}
	return nil
}
