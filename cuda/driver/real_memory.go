//go:build cuda

package driver

import (
	"errors"
	"runtime"
	"slices"
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
		if err = d.failed(err, "cuMemAlloc of %d bytes (%d of %d are free)", bytes, free, total); errors.Is(err, ErrOutOfMemory) {
			err = OutOfMemory(err)
		}
		return 0, err
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
		if err = d.failed(err, "cuMemHostAlloc of %d bytes", bytes); errors.Is(err, ErrOutOfMemory) {
			err = OutOfHostMemory(err)
		}
		return nil, err
	}
	d.pinned = append(d.pinned, b)
	return b, nil
}

func (d *realDriver) FreePinned(b []byte) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	p := unsafe.SliceData(b)
	d.pinned = slices.DeleteFunc(d.pinned, func(o []byte) bool { return unsafe.SliceData(o) == p })
	return d.failed(cu.MemFreeHost(unsafe.Pointer(p)), "cuMemFreeHost of %d bytes", len(b))
}

// isPinned reports whether b is in memory from Pinned.
func (d *realDriver) isPinned(b []byte) bool {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	for _, o := range d.pinned {
		first := uintptr(unsafe.Pointer(unsafe.SliceData(o)))
		if first <= at && at+uintptr(len(b)) <= first+uintptr(len(o)) {
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
	return d.failed(d.copied(s, src, err), "cuMemcpyHtoDAsync of %d bytes to %#x", len(src), uint64(dst))
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
	return d.failed(d.copied(s, dst, err), "cuMemcpyDtoHAsync of %d bytes from %#x", len(dst), uint64(src))
}

// copied waits for a copy from or to host memory that is not pinned. The collector must not free that before.
func (d *realDriver) copied(s Stream, host []byte, err error) error {
	if err == nil && !d.isPinned(host) {
		err = d.stream[s].Synchronize()
	}
	runtime.KeepAlive(host)
	return err
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
