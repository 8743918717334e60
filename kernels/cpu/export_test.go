//go:build cgo

package cpu

import "bnas.example/kernels"

// NewPoisoned is New with memory filled with NaN before each use and the gaps between buffers checked after it.
func NewPoisoned(threads int) (kernels.Device, error) {
	d, err := New(threads)
	if err == nil {
		d.(*device).poison = true
	}
	return d, err
}
