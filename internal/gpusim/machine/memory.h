// Device memory: one stretch of addresses, cut into buffers with gaps between them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>

// Of each 4 bytes: which bytes are a buffer's (high half) and which of them have been written (low half).
enum : uint8_t { OWNED = 0xf0 };

// Who touched 4 bytes last: launch, block, the block's clock, thread, and whether by an atomic.
typedef uint64_t Stamp;

struct Memory {
	char *base = nullptr;
	size_t extent = 0; // of addresses
	int64_t limit = 0, used = 0;
	bool shadowed = false;
	size_t gap = 0;
	std::map<uintptr_t, size_t> buffers; // begin and bytes

	uint8_t *bytes = nullptr; // shadow: of each 4 bytes
	Stamp *written = nullptr, *read = nullptr;
	uint32_t *sector_read = nullptr, *sector_written = nullptr; // of each 32 bytes, the launch

	bool open(int64_t limit, bool shadowed);
	void close();
	uintptr_t alloc(int64_t n);
	int release(uintptr_t p);
	bool inside(uintptr_t p, int64_t n) const;
	void mark_written(uintptr_t p, int64_t n);
	bool holds(uintptr_t p) const { return p - (uintptr_t)base < extent; }

	// Where p is, in words: "8 bytes after the end of the buffer of 400 bytes at 0x…".
	void describe(uintptr_t p, char *text, size_t room) const;

private:
	uintptr_t place(size_t n) const;
	void own(uintptr_t p, size_t n, bool owned);
};
