//go:build cgo && linux && gpusim

// Faults of shared memory: races between barriers, reads of what was not written or has not arrived.
#include "machine_impl.h"

// Whether nothing orders the running thread's access after t.
bool Worker::together_with(const Touch &t, uint8_t bytes) const {
	return t.interval == interval && t.thread != running && (t.bytes & bytes) &&
		!(t.thread / WARP == running / WARP && t.synced != warps[running / WARP].synced);
}

void Worker::check_shared(SharedShadow &s, uintptr_t p, unsigned n, Access a, uintptr_t pc) {
	const char *name = &s == &dynamic ? "dynamic" : "static";
	for (uintptr_t at = p; at < p + n;) {
		uintptr_t word = at & ~(uintptr_t)3, end = p + n < word + 4 ? p + n : word + 4;
		uint8_t bytes = (uint8_t)(((1u << (end - at)) - 1) << (at - word));
		Word &w = s.words[(word - (s.begin & ~(uintptr_t)3)) / 4];
		const uintptr_t offset = at - s.begin;
		at = end;
		if (w.filled < first) {
			w.filled = first;
			w.bytes = 0;
		}
		if (w.arriving >= first)
			fail(pc, "%s of %s shared memory (byte %zu) that a cp.async of thread %u is still bringing", a == Access::READ ? "read" : "write", name, (size_t)offset, w.by);
		if (a != Access::ARRIVING && a != Access::WRITE && (w.bytes & bytes) != bytes)
			fail(pc, "read of %s shared memory that was never written (byte %zu)", name, (size_t)offset);
		if (together_with(w.written, bytes) && !(a == Access::ATOMIC && w.written.atomic))
			fail(pc, "data race in %s shared memory (byte %zu): %s here, written by thread %u, no barrier between", name, (size_t)offset,
				a == Access::READ ? "read" : "written", w.written.thread);
		Touch me = {interval, warp().synced, (uint16_t)running, bytes, a == Access::ATOMIC};
		if (a == Access::READ) {
			Touch &r = w.read[w.read[0].interval == interval && w.read[0].thread != running];
			if (r.interval == interval && r.thread == running && r.synced == me.synced)
				me.bytes |= r.bytes;
			r = me;
			continue;
		}
		for (const Touch &r : w.read)
			if (together_with(r, bytes))
				fail(pc, "data race in %s shared memory (byte %zu): written here, read by thread %u, no barrier between", name, (size_t)offset, r.thread);
		w.written = me;
		if (a == Access::ARRIVING) {
			w.arriving = interval;
			w.by = (uint16_t)running;
		} else
			w.bytes |= bytes;
	}
}

// The copy of the running thread to 16 bytes is complete.
void Worker::land(void *p) {
	for (SharedShadow *s : {&dynamic, &fixed})
		if (s->holds((uintptr_t)p))
			for (uintptr_t at = (uintptr_t)p; at < (uintptr_t)p + 16; at += 4)
				s->words[(at - (s->begin & ~(uintptr_t)3)) / 4].arriving = 0;
	touch(p, 16, Access::WRITE, 0);
}
