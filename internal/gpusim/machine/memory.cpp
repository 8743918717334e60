//go:build cgo && linux && gpusim

#include "memory.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

namespace {

const size_t ALIGN = 256;
const unsigned char POISON = 0xff; // every float and double of it is a NaN

size_t up(size_t n) { return (n + ALIGN - 1) / ALIGN * ALIGN; }

void *reserve(size_t n) {
	void *p = mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? nullptr : p;
}

template <class T> bool shadow(T *&p, size_t n) {
	p = (T *)reserve(n * sizeof(T));
	return p != nullptr;
}

template <class T> void drop(T *&p, size_t n) {
	if (p)
		munmap(p, n * sizeof(T));
	p = nullptr;
}

} // namespace

#ifdef __SANITIZE_ADDRESS__

// AddressSanitizer guards what malloc gives.
bool Memory::open(int64_t n, bool) {
	limit = n;
	return true;
}

void Memory::close() {
	for (auto &b : buffers)
		free((void *)b.first);
	buffers.clear();
}

const size_t GUARD = 0;

uintptr_t Memory::place(size_t n) const {
	void *p;
	return posix_memalign(&p, ALIGN, n) == 0 ? (uintptr_t)p : 0;
}
void Memory::own(uintptr_t, size_t, bool) {}
void Memory::mark_written(uintptr_t, int64_t) {}

#else

const size_t GUARD = ALIGN; // after a buffer, filled like it

bool Memory::open(int64_t n, bool with_shadow) {
	limit = n;
	shadowed = with_shadow;
	gap = with_shadow ? 65536 : ALIGN;
	extent = up((size_t)n) * 2 + (64u << 20);
	base = (char *)reserve(extent);
	if (!base)
		return false;
	return !shadowed || (shadow(bytes, extent / 4) && shadow(written, extent / 4) && shadow(read, extent / 4) &&
		shadow(sector_read, extent / 32) && shadow(sector_written, extent / 32));
}

void Memory::close() {
	drop(base, extent);
	drop(bytes, extent / 4);
	drop(written, extent / 4);
	drop(read, extent / 4);
	drop(sector_read, extent / 32);
	drop(sector_written, extent / 32);
	buffers.clear();
}

// The first hole that takes n bytes with a gap on both sides.
uintptr_t Memory::place(size_t n) const {
	uintptr_t at = (uintptr_t)base + gap;
	for (auto &b : buffers) {
		if (at + up(n) + gap <= b.first)
			return at;
		at = b.first + up(b.second) + gap;
	}
	return at + up(n) + gap <= (uintptr_t)base + extent ? at : 0;
}

void Memory::own(uintptr_t p, size_t n, bool owned) {
	if (!shadowed)
		return;
	size_t first = (p - (uintptr_t)base) / 4;
	memset(bytes + first, owned ? OWNED : 0, (n + 3) / 4);
	if (owned && n % 4)
		bytes[first + n / 4] = (uint8_t)(((1u << n % 4) - 1) << 4);
}

void Memory::mark_written(uintptr_t p, int64_t n) {
	if (!shadowed)
		return;
	for (uintptr_t a = p; a < p + (uintptr_t)n;) {
		size_t i = (a - (uintptr_t)base) / 4;
		if (a % 4 == 0 && p + (uintptr_t)n - a >= 4) {
			bytes[i] |= 0xf;
			a += 4;
		} else {
			bytes[i] |= (uint8_t)(1u << a % 4);
			a++;
		}
	}
}

#endif

// A buffer and its guard.
static size_t guarded(size_t n) { return GUARD ? up(n) + GUARD : n; }

uintptr_t Memory::alloc(int64_t n) {
	if (n <= 0 || (int64_t)up((size_t)n) > limit - used)
		return 0;
	uintptr_t p = place((size_t)n);
	if (!p)
		return 0;
	buffers[p] = (size_t)n;
	used += (int64_t)up((size_t)n);
	own(p, (size_t)n, true);
	memset((void *)p, POISON, guarded((size_t)n));
	return p;
}

int Memory::release(uintptr_t p) {
	auto b = buffers.find(p);
	if (b == buffers.end())
		return -1;
	size_t n = b->second, room = up(n);
	int spoiled = 0;
	for (size_t i = n; i < guarded(n); i++)
		spoiled |= ((unsigned char *)p)[i] != POISON;
	used -= (int64_t)room;
	buffers.erase(b);
	own(p, n, false);
#ifdef __SANITIZE_ADDRESS__
	free((void *)p);
#else
	if (room >= 1u << 20)
		madvise((void *)((p + 4095) & ~(uintptr_t)4095), (room - 4096) & ~(size_t)4095, MADV_DONTNEED);
#endif
	return spoiled;
}

bool Memory::inside(uintptr_t p, int64_t n) const {
	auto b = buffers.upper_bound(p);
	if (n < 0 || b == buffers.begin())
		return false;
	--b;
	return p - b->first <= b->second && (size_t)n <= b->second - (p - b->first);
}

void Memory::describe(uintptr_t p, char *text, size_t room) const {
	auto after = buffers.upper_bound(p);
	auto before = after;
	if (before != buffers.begin() && (--before, p - before->first < before->second)) {
		snprintf(text, room, "byte %zu of the buffer of %zu bytes at %#zx", (size_t)(p - before->first), before->second, (size_t)before->first);
		return;
	}
	bool has_before = after != buffers.begin(), has_after = after != buffers.end();
	if (has_before && (!has_after || p - (before->first + before->second) <= after->first - p))
		snprintf(text, room, "%zu bytes after the end of the buffer of %zu bytes at %#zx", (size_t)(p - before->first - before->second), before->second, (size_t)before->first);
	else if (has_after)
		snprintf(text, room, "%zu bytes before the buffer of %zu bytes at %#zx", (size_t)(after->first - p), after->second, (size_t)after->first);
	else
		snprintf(text, room, "in no buffer");
}
