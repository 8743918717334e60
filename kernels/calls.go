package kernels

import (
	"errors"
	"fmt"
)

// CheckForward returns the number of images of a Forward call, or an error if its arguments are invalid. elements is the
// length of images, most is the largest batch of the Exec, known tells whether the Exec already has statistics.
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

// Check returns an error if Backward cannot treat the statistics in this way after a Forward with the statistics of
// statRows of n images.
func (s StatGrad) Check(n, statRows int) error {
	switch {
	case s != HoldStatistics && s != DifferentiateStatistics:
		return fmt.Errorf("no treatment %d of statistics", s)
	case s == DifferentiateStatistics && statRows != n:
		return fmt.Errorf("statistics of %d of %d images cannot be differentiated", statRows, n)
	}
	return nil
}

// CheckNodes returns an error if the program does not have one of the nodes.
func (p *Program) CheckNodes(nodes ...NodeID) error {
	for _, n := range nodes {
		if !p.hasNode(n) {
			return fmt.Errorf("no node %d", n)
		}
	}
	return nil
}
