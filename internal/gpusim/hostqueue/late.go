package hostqueue

import (
	"unsafe"

	"bnas.example/cuda/driver"
)

// A copy to pinned memory is delivered when the host waits for it, and not before: a host that reads earlier reads poison, as it
// may on a GPU.

// delivery is the data of such a copy.
type delivery struct{ to, data []byte }

// poison fills pinned memory to which a copy is under way.
const poison = 0xA5

// Pin notes pinned memory.
func (q *Queue) Pin(b []byte) { q.pinned[unsafe.SliceData(b)] = len(b) }

// Unpin ends that, before the memory is freed.
func (q *Queue) Unpin(b []byte) {
	q.deliver(q.before + len(q.late))
	delete(q.pinned, unsafe.SliceData(b))
}

// IsPinned reports whether b lies in pinned memory.
func (q *Queue) IsPinned(b []byte) bool {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	for p, bytes := range q.pinned {
		first := uintptr(unsafe.Pointer(p))
		if first <= at && at+uintptr(len(b)) <= first+uintptr(bytes) {
			return true
		}
	}
	return false
}

// Out copies to the host what read reads: at once to memory that is not pinned, and else when the host waits.
func (q *Queue) Out(s driver.Stream, dst []byte, read func(dst []byte) error) error {
	if err := q.Ready(s, "copy"); err != nil {
		return err
	}
	if !q.IsPinned(dst) {
		return read(dst)
	}
	data := make([]byte, len(dst))
	if err := read(data); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = poison
	}
	q.late = append(q.late, delivery{dst, data})
	return nil
}

// deliver does all deliveries up to a number since the beginning.
func (q *Queue) deliver(number int) {
	for q.before < number {
		copy(q.late[0].to, q.late[0].data)
		q.late = q.late[1:]
		q.before++
	}
}
