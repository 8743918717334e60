//go:build cgo && linux && gpusim

// Faults of global memory, and the traffic to it.
#include "machine_impl.h"

namespace {

// 20 bits of launch, 13 of block, 16 of the block's clock, 10 of thread, 4: which bytes, 1: by an atomic.
const uint32_t LAUNCHES = 0xfffff;
Stamp stamp(uint32_t launch, uint32_t block, uint16_t clock, unsigned thread, bool atomic) {
	return (Stamp)launch << 44 | (Stamp)block << 31 | (Stamp)clock << 15 | (Stamp)thread << 5 | (Stamp)atomic;
}
uint32_t launch_of(Stamp s) { return (uint32_t)(s >> 44); }
uint32_t block_of(Stamp s) { return (uint32_t)(s >> 31) & 0x1fff; }
uint16_t clock_of(Stamp s) { return (uint16_t)(s >> 15); }
unsigned thread_of(Stamp s) { return (unsigned)(s >> 5) & 0x3ff; }
uint8_t bytes_of(Stamp s) { return (uint8_t)(s >> 1 & 0xf); }
Stamp without_bytes(Stamp s) { return s & ~(Stamp)0x1e; }

// Whether this is the first touch of the launch.
bool mark(uint32_t *sector, uint32_t launch) {
	return __atomic_load_n(sector, __ATOMIC_RELAXED) != launch && __atomic_exchange_n(sector, launch, __ATOMIC_RELAXED) != launch;
}

} // namespace

void Worker::count(uintptr_t p, unsigned n, Access a) {
	const Memory &memory = m->memory;
	bool reads = a != Access::WRITE, writes = a != Access::READ;
	traffic.loads += reads ? n : 0;
	traffic.stores += writes ? n : 0;
	uintptr_t base = (uintptr_t)memory.base;
	for (size_t i = (p - base) / 32; i <= (p + n - 1 - base) / 32; i++) {
		if (reads)
			traffic.sectors_read += mark(&memory.sector_read[i], launch->number);
		if (writes)
			traffic.sectors_written += mark(&memory.sector_written[i], launch->number);
	}
}

// The messages are made apart: the room for them slows every access down.
#define APART [[noreturn]] __attribute__((noinline, cold)) static

APART void outside(Worker &w, uintptr_t at, unsigned n, Access a, uintptr_t pc) {
	char where[160];
	w.m->memory.describe(at, where, sizeof where);
	w.fail(pc, "out of bounds: %s of %u bytes, %s", a == Access::READ ? "read" : a == Access::WRITE ? "write" : "atomic", n, where);
}

APART void never_written(Worker &w, uintptr_t at, uintptr_t pc) {
	char where[160];
	w.m->memory.describe(at, where, sizeof where);
	w.fail(pc, "read of global memory that was never written: %s", where);
}

// before: "written" or "read", by the block of the stamp, or by the thread of it if that is of this block.
APART void race(Worker &w, uintptr_t word, Access a, const char *before, Stamp by, uintptr_t pc) {
	char where[160];
	w.m->memory.describe(word, where, sizeof where);
	if (block_of(by) == w.number)
		w.fail(pc, "data race in global memory: %s here, %s by thread %u, no barrier between: %s", a == Access::READ ? "read" : "written", before, thread_of(by), where);
	w.fail(pc, "data race between blocks: %s here, %s by block %u, nothing orders them: %s", a == Access::READ ? "read" : "written", before, block_of(by), where);
}

// Some bytes of a word, of an access of n bytes. me: its stamp without bytes; 0 where touches are not compared. Those of one warp are not.
template <Access A> inline void Worker::check_global_word(uintptr_t at, uint8_t bytes, unsigned n, Stamp me, uintptr_t pc) {
	Memory &memory = m->memory;
	const Order &between = launch->between;
	const size_t i = (at - (uintptr_t)memory.base) / 4;
	const uint8_t state = __atomic_load_n(&memory.bytes[i], __ATOMIC_RELAXED);
	if ((state >> 4 & bytes) != bytes)
		outside(*this, at, n, A, pc);
	if ((state & bytes) != bytes) {
		if (A != Access::WRITE)
			never_written(*this, at, pc);
		__atomic_fetch_or(&memory.bytes[i], bytes, __ATOMIC_RELAXED);
	}
	if (!me)
		return;
	// Whether another block's touch of these bytes, or that of another warp of this one, is not ordered before this one.
	auto together = [&](Stamp t) {
		if (launch_of(t) != launch_of(me) || !(bytes_of(t) & bytes))
			return false;
		if (block_of(t) != number)
			return !between.before(block_of(t), clock_of(t), number);
		return clock_of(t) == clock_of(me) && clock_of(t) < Order::LATEST && thread_of(t) / WARP != thread_of(me) / WARP;
	};
	const Stamp w = __atomic_load_n(&memory.written[i], __ATOMIC_RELAXED), r = __atomic_load_n(&memory.read[i], __ATOMIC_RELAXED);
	if (together(w) && !(A == Access::ATOMIC && (w & 1)))
		race(*this, at, A, "written", w, pc);
	if (A != Access::READ && together(r))
		race(*this, at, A, "read", r, pc);
	const Stamp before = A == Access::READ ? r : w;
	Stamp now = me | (Stamp)bytes << 1;
	if (without_bytes(before) == me)
		now |= before;
	if (now != before)
		__atomic_store_n(A == Access::READ ? &memory.read[i] : &memory.written[i], now, __ATOMIC_RELAXED);
}

template <Access A> void Worker::check_global_words(uintptr_t p, unsigned n, uintptr_t pc) {
	const Order &between = launch->between;
	const Stamp me = between.active() ? stamp(launch->number & LAUNCHES, number, between.clock[number], running, A == Access::ATOMIC) : 0;
	each_word(p, n, [&](uintptr_t at, uint8_t bytes) { check_global_word<A>(at, bytes, n, me, pc); });
}

void Worker::check_global(uintptr_t p, unsigned n, Access a, uintptr_t pc) {
	if (a == Access::READ)
		return check_global_words<Access::READ>(p, n, pc);
	if (a == Access::ATOMIC)
		return check_global_words<Access::ATOMIC>(p, n, pc);
	check_global_words<Access::WRITE>(p, n, pc);
	Fiber &f = now();
	if (!f.unfenced) {
		f.unfenced = true;
		unfenced++;
	}
	if (f.wrote != interval) {
		f.wrote = interval;
		writers++;
	}
}

void Worker::touch(const void *pointer, unsigned n, Access a, uintptr_t pc) {
	const uintptr_t p = (uintptr_t)pointer;
	const bool check = m->options.check;
	if (m->memory.holds(p)) {
		if (m->options.count)
			count(p, n, a);
		if (check)
			check_global(p, n, a, pc);
		return;
	}
	if (!check)
		return;
	if (dynamic.holds(p) && n <= dynamic.end - p)
		return check_shared(dynamic, p, n, a, pc);
	check_elsewhere(p, n, a, pc);
}

// An access to neither global memory nor the thread's stack nor dynamic shared memory.
void Worker::check_elsewhere(uintptr_t p, unsigned n, Access a, uintptr_t pc) {
	if (p - (uintptr_t)shared_room < SHARED_ROOM)
		fail(pc, "out of bounds: %s of %u bytes at byte %td of %u bytes of dynamic shared memory", a == Access::READ ? "read" : "write", n,
			(const char *)p - shared, launch->shape.shared);
	if (fixed.holds(p) && n <= fixed.end - p)
		return check_shared(fixed, p, n, a, pc);
	if (a == Access::READ && p >= image_begin && p < image_end)
		return;
	fail(pc, "illegal address %p: %s of %u bytes outside of every buffer", (void *)p, a == Access::READ ? "read" : "write", n);
}
