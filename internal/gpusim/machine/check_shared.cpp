//go:build cgo && linux && gpusim

// Faults of shared memory: races between barriers, reads of what was not written or has not arrived.
#include "machine_impl.h"

namespace {

Touch touch_of(uint32_t interval, uint16_t synced, unsigned thread) { return (Touch)interval << 32 | (Touch)synced << 16 | (Touch)thread << 6; }
Touch touched(uint8_t bytes, bool atomic) { return (Touch)(bytes << 2) | (Touch)atomic; }
unsigned thread_of(Touch t) { return t >> 6 & 0x3ff; }
uint8_t bytes_of(Touch t) { return t >> 2 & 0xf; }
bool by_atomic(Touch t) { return t & 1; }
// Of the same thread, with nothing between them.
bool alike(Touch s, Touch t) { return (s ^ t) >> 6 == 0; }

// Whether nothing orders the access `me` to some bytes after t.
bool unordered(Touch t, Touch me, uint8_t bytes) {
	if ((t ^ me) >> 32) // a barrier is between them
		return false;
	if (!((t ^ me) >> 6 & 0x3ff) || !(bytes_of(t) & bytes))
		return false;
	return thread_of(t) / WARP != thread_of(me) / WARP || !((t ^ me) >> 16 & 0xffff);
}

} // namespace

// What is wrong with an access to some bytes of a word; what `w` has tells it.
void Worker::fail_shared(const SharedShadow &s, const Word &w, uintptr_t at, uint8_t bytes, Access a, uintptr_t pc) {
	const char *name = &s == &dynamic ? "dynamic" : "static", *verb = a == Access::READ ? "read" : "write", *here = a == Access::READ ? "read" : "written";
	const size_t offset = at - s.begin;
	const Touch me = touch_of(interval, warp().synced, running);
	if (w.arriving)
		fail(pc, "%s of %s shared memory (byte %zu) that a cp.async of thread %u is still bringing", verb, name, offset, thread_of(w.written));
	if (a != Access::ARRIVING && a != Access::WRITE && (w.bytes & bytes) != bytes)
		fail(pc, "read of %s shared memory that was never written (byte %zu)", name, offset);
	if (unordered(w.written, me, bytes) && !(a == Access::ATOMIC && by_atomic(w.written)))
		fail(pc, "data race in %s shared memory (byte %zu): %s here, written by thread %u, no barrier between", name, offset, here, thread_of(w.written));
	const Touch r = w.read[!unordered(w.read[0], me, bytes)];
	fail(pc, "data race in %s shared memory (byte %zu): written here, read by thread %u, no barrier between", name, offset, thread_of(r));
}

template <Access A> inline void Worker::check_word(SharedShadow &s, uintptr_t at, uint8_t bytes, Touch me, uintptr_t pc) {
	Word &w = s.words[(at - (s.begin & ~(uintptr_t)3)) / 4];
	if (w.filled < first) {
		w.filled = first;
		w.bytes = 0;
		w.arriving = false;
	}
	me |= touched(bytes, A == Access::ATOMIC);
	bool wrong = w.arriving || (unordered(w.written, me, bytes) && !(A == Access::ATOMIC && by_atomic(w.written)));
	if (A == Access::READ || A == Access::ATOMIC)
		wrong |= (w.bytes & bytes) != bytes;
	if (A != Access::READ)
		wrong |= unordered(w.read[0], me, bytes) || unordered(w.read[1], me, bytes);
	if (wrong)
		fail_shared(s, w, at, bytes, A, pc);
	if (A == Access::READ) {
		const Touch one = w.read[0] ^ me;
		Touch &r = w.read[one >> 32 == 0 && thread_of(one)];
		r = alike(r, me) ? r | me : me;
		return;
	}
	w.written = me;
	if (A == Access::ARRIVING)
		w.arriving = true;
	else
		w.bytes |= bytes;
}

template <Access A> void Worker::check_words(SharedShadow &s, uintptr_t p, unsigned n, uintptr_t pc) {
	const Touch me = touch_of(interval, warp().synced, running);
	each_word(p, n, [&](uintptr_t at, uint8_t bytes) { check_word<A>(s, at, bytes, me, pc); });
}

void Worker::check_shared(SharedShadow &s, uintptr_t p, unsigned n, Access a, uintptr_t pc) {
	switch (a) {
	case Access::READ:
		return check_words<Access::READ>(s, p, n, pc);
	case Access::WRITE:
		return check_words<Access::WRITE>(s, p, n, pc);
	case Access::ATOMIC:
		return check_words<Access::ATOMIC>(s, p, n, pc);
	case Access::ARRIVING:
		return check_words<Access::ARRIVING>(s, p, n, pc);
	}
}

// The copy of the running thread to 16 bytes is complete.
void Worker::land(void *p) {
	for (SharedShadow *s : {&dynamic, &fixed})
		if (s->holds((uintptr_t)p))
			for (uintptr_t at = (uintptr_t)p; at < (uintptr_t)p + 16; at += 4)
				s->words[(at - (s->begin & ~(uintptr_t)3)) / 4].arriving = false;
	touch(p, 16, Access::WRITE, 0);
}
