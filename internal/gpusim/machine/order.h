// Which blocks know of which: "the last block finishes".
#pragma once
#include <cstdint>
#include <unordered_map>
#include <vector>

// A vector clock for each block and each counter. A block's clock counts its barriers and arrivals. A block that comes to a counter
// after a fence tells what it has done and seen; whoever comes after it to the same counter knows that.
struct Order {
	enum { MOST = 8192, LATEST = UINT16_MAX / 2 }; // of more blocks touches are not compared; barriers after so many are not counted
	typedef std::vector<uint16_t> Clock;
	std::vector<Clock> known; // of each block, empty: of nobody
	std::vector<uint16_t> clock; // its own
	std::unordered_map<uintptr_t, Clock> counters;

	void begin(uint32_t blocks) {
		known.resize(blocks);
		clock.resize(blocks);
	}
	bool active() const { return !clock.empty(); }
	// Whether `me` knows what `other` did at the given time of its clock.
	bool before(uint32_t other, uint16_t time, uint32_t me) const {
		return other == me || (!known[me].empty() && known[me][other] > time);
	}
	void end(uint32_t me) { Clock().swap(known[me]); }
	void learn(uint32_t me, uintptr_t counter);
	// all: what the block has done since its last barrier, too.
	void tell(uint32_t me, uintptr_t counter, bool all);
	// A barrier of a block: what comes now is later than what was before.
	void pass(uint32_t me) {
		if (clock[me] < LATEST)
			clock[me]++;
	}
};
