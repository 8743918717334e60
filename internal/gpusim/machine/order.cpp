//go:build cgo && linux && gpusim

#include "order.h"
#include <algorithm>

static void join(Order::Clock &to, const Order::Clock &from) {
	if (to.size() < from.size())
		to.resize(from.size());
	for (size_t i = 0; i < from.size(); i++)
		to[i] = std::max(to[i], from[i]);
}

void Order::learn(uint32_t me, uintptr_t counter) {
	known[me].resize(clock.size());
	join(known[me], counters[counter]);
}

void Order::tell(uint32_t me, uintptr_t counter, bool all) {
	if (all || clock[me] >= LATEST)
		clock[me]++;
	known[me][me] = clock[me];
	join(counters[counter], known[me]);
}
