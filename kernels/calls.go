package kernels

import (
	"errors"
	"fmt"
)

// checkForward returns the number of images of a Forward call, or an error if its arguments are invalid. elements is the
// length of images, most is the largest batch of the Exec, known tells whether the Exec already has statistics.
func (p *Program) checkForward(elements, most, statRows int, known bool) (n int, err error) {
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

// check returns an error if Backward cannot treat the statistics in this way after a Forward with the statistics of
// statRows of n images.
func (s StatGrad) check(n, statRows int) error {
	switch {
	case s != FreezeStatistics && s != DifferentiateStatistics:
		return fmt.Errorf("no treatment %d of statistics", s)
	case s == DifferentiateStatistics && statRows != n:
		return fmt.Errorf("statistics of %d of %d images cannot be differentiated", statRows, n)
	}
	return nil
}

// requireNodes returns an error if the program does not have one of the nodes.
func (p *Program) requireNodes(nodes ...NodeID) error {
	for _, n := range nodes {
		if !p.hasNode(n) {
			return fmt.Errorf("no node %d", n)
		}
	}
	return nil
}

// NodeProducts returns the number of products of NodeProducts, or an error if the pixels of to are not windows of those of from.
func (p *Program) NodeProducts(to, from NodeID) (int, error) {
	t, f := p.Nodes[to].Shape, p.Nodes[from].Shape
	if t.H%f.H != 0 || t.W%f.W != 0 {
		return 0, fmt.Errorf("node %d is %v, no multiple of node %d, %v", to, t, from, f)
	}
	return t.Len() / (f.H * f.W) * f.C, nil
}

// checkTable returns an error if a size in a parameter table is not positive, or a parameter has more than maxLength elements.
func checkTable(params []Param) error {
	for id, p := range params {
		n := 1
		for _, d := range p.Shape {
			if d < 1 || d > maxLength/n {
				return fmt.Errorf("parameter %d (%s): shape %v must have positive sizes, of at most %d elements", id, p.Name, p.Shape, maxLength)
			}
			n *= d
		}
	}
	return nil
}

// checkSlot returns an error if a Read or Write of n elements is invalid: no such slot, no such parameter, a parameter
// twice, or another length.
func checkSlot(params []Param, slot Slot, n int, ids []ParamID) error {
	if slot < Data || slot > Moment2 {
		return fmt.Errorf("no slot %d", slot)
	}
	if err := checkIDs(params, ids); err != nil {
		return err
	}
	all := Elements(params, ids)
	switch {
	case n == all:
		return nil
	case len(ids) == 1:
		return fmt.Errorf("parameter %d (%s): %d elements, must be %d", ids[0], params[ids[0]].Name, n, all)
	default:
		return fmt.Errorf("%d elements, must be %d of %d parameters", n, all, len(ids))
	}
}

// checkIDs returns an error if a parameter is not in the table or is listed twice.
func checkIDs(params []Param, ids []ParamID) error {
	seen := make(map[ParamID]bool, len(ids))
	for _, id := range ids {
		if id < 0 || int(id) >= len(params) {
			return fmt.Errorf("no parameter %d", id)
		}
		if seen[id] {
			return fmt.Errorf("parameter %d (%s) is listed twice", id, params[id].Name)
		}
		seen[id] = true
	}
	return nil
}

// checkLabels returns an error if a label is not a class or the label smoothing is outside [0, 1).
func checkLabels(labels []int, smoothing float64, classes int) error {
	if !(smoothing >= 0 && smoothing < 1) {
		return fmt.Errorf("label smoothing %v is not in [0, 1)", smoothing)
	}
	for i, label := range labels {
		if label < 0 || label >= classes {
			return fmt.Errorf("label %d of image %d is not in 0…%d", label, i, classes-1)
		}
	}
	return nil
}
