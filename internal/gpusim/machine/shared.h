// Who has touched a block's shared memory.
#pragma once
#include <cstdint>
#include <vector>

enum class Access { READ, WRITE, ATOMIC, ARRIVING }; // ARRIVING: a cp.async has been started

// Of a thread to some of 4 bytes.
struct Touch {
	uint32_t interval = 0; // between barriers
	uint16_t synced = 0; // times its warp had synchronised
	uint16_t thread = 0;
	uint8_t bytes = 0; // mask
	bool atomic = false;
};

struct Word {
	Touch written, read[2]; // of reads the last by each of two threads
	uint32_t filled = 0; // the first interval of the block that has written
	uint8_t bytes = 0; // which were written
	uint32_t arriving = 0; // the same, of cp.async that have not landed
	uint16_t by = 0;
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
