// Who has touched a block's shared memory.
#pragma once
#include <cstdint>
#include <vector>

enum class Access { READ, WRITE, ATOMIC, ARRIVING }; // ARRIVING: a cp.async has been started

// Who touched 4 bytes of shared memory: 32 bits of interval between barriers, 16 of the times that the thread's warp had synchronised,
// 10 of thread, 4: which bytes, 1: by an atomic. Nobody: 0, since intervals begin at 1.
typedef uint64_t Touch;

// Half of a line of the cache: most of the checker's time is the way to it.
struct Word {
	Touch written = 0, read[2] = {0, 0}; // of reads the last by each of two threads
	uint32_t filled = 0; // the first interval of the block to which the next two belong
	uint8_t bytes = 0; // which were written
	bool arriving = false; // a cp.async of the thread that has written has not landed
};

struct SharedShadow {
	uintptr_t begin = 0, end = 0;
	std::vector<Word> words;
	void set(uintptr_t b, uintptr_t e) {
		begin = b;
		end = e;
		if (words.size() < (e - b + 3) / 4)
			words.resize((e - b + 3) / 4);
	}
	bool holds(uintptr_t p) const { return p - begin < end - begin; }
};
