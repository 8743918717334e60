package cuda

import (
	"bnas.example/cuda/driver"
	"bnas.example/kernels"
)

// factorBytes is the size of one image's factor of a term.
const factorBytes = 4

// SetFactors sets the factors of each image; those of images beyond are 1. Rows have the length of the largest batch: the
// tables then hold for any number of images.
func (e *exec) SetFactors(factors []float32) error {
	rows, most := e.p.Factors(), e.plans.n
	if rows == 0 {
		return nil
	}
	all, n := make([]float32, rows*most), len(factors)/rows
	for i := range all {
		all[i] = 1
		if row, image := i/most, i%most; image < n {
			all[i] = factors[row*n+image]
		}
	}
	return e.upload(e.own+driver.Ptr(e.plans.factors), bytesOf(all))
}

// factor is where the factors of a row lie, 0 for a term without.
func (e *exec) factor(row int) driver.Ptr {
	if row == kernels.NoFactor {
		return 0
	}
	return e.own + driver.Ptr(e.plans.factors+factorBytes*int64(row)*int64(e.plans.n))
}
