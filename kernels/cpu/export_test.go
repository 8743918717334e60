//go:build cgo

package cpu

import "bnas.example/kernels"

// NewPoisoned is New with memory filled with NaN before each use and the gaps between buffers checked after it.
func NewPoisoned(threads int, n Numerics) (kernels.Device, error) {
	d, err := newDevice(threads, n)
	if err != nil {
		return nil, err
	}
	d.poisoned()
	return kernels.Guard("cpu", d), nil
}
