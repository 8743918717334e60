//go:build cuda

package driver

import (
	"unsafe"

	"gorgonia.org/cu"
)

func (d *realDriver) Alloc(bytes int64) (Ptr, error) {
	if err := d.enter(); err != nil {
		return 0, err
	}
	defer d.leave()
	p, err := cu.MemAlloc(bytes)
	if err != nil {
		free, total, _ := cu.MemInfo()
		return 0, d.failed(err, "cuMemAlloc of %d bytes (%d of %d are free)", bytes, free, total)
	}
	return Ptr(p), nil
}

func (d *realDriver) Free(p Ptr) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	return d.failed(cu.MemFree(cu.DevicePtr(p)), "cuMemFree at %#x", uint64(p))
}

func (d *realDriver) Pinned(bytes int) ([]byte, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	b, err := hostAlloc(bytes)
	if err != nil {
		return nil, d.failed(err, "cuMemHostAlloc of %d bytes", bytes)
	}
	d.pinned[unsafe.Pointer(unsafe.SliceData(b))] = bytes
	return b, nil
}

func (d *realDriver) FreePinned(b []byte) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	p := unsafe.Pointer(unsafe.SliceData(b))
	delete(d.pinned, p)
	return d.failed(cu.MemFreeHost(p), "cuMemFreeHost of %d bytes", len(b))
}

// isPinned reports whether b is in memory from Pinned.
func (d *realDriver) isPinned(b []byte) bool {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	for p, bytes := range d.pinned {
		if uintptr(p) <= at && at+uintptr(len(b)) <= uintptr(p)+uintptr(bytes) {
			return true
		}
	}
	return false
}

func (d *realDriver) CopyIn(s Stream, dst Ptr, src []byte) error {
	if len(src) == 0 {
		return nil
	}
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	err := cu.MemcpyHtoDAsync(cu.DevicePtr(dst), unsafe.Pointer(unsafe.SliceData(src)), int64(len(src)), d.stream[s])
	if err == nil && !d.isPinned(src) {
		err = d.stream[s].Synchronize()
	}
	return d.failed(err, "cuMemcpyHtoDAsync of %d bytes to %#x", len(src), uint64(dst))
}

func (d *realDriver) CopyOut(s Stream, dst []byte, src Ptr) error {
	if len(dst) == 0 {
		return nil
	}
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	err := cu.MemcpyDtoHAsync(unsafe.Pointer(unsafe.SliceData(dst)), cu.DevicePtr(src), int64(len(dst)), d.stream[s])
	if err == nil && !d.isPinned(dst) {
		err = d.stream[s].Synchronize()
	}
	return d.failed(err, "cuMemcpyDtoHAsync of %d bytes from %#x", len(dst), uint64(src))
}

func (d *realDriver) Fill(s Stream, dst Ptr, value byte, bytes int64) error {
	if bytes == 0 {
		return nil
	}
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	return d.failed(cu.MemsetD8Async(cu.DevicePtr(dst), value, bytes, d.stream[s]), "cuMemsetD8Async of %d bytes at %#x", bytes, uint64(dst))
}
