//go:build cgo && linux && gpusim

// Which thread of the block runs, barriers, and the faults of those that wait for one another.
#include "machine_impl.h"
#include <cstdlib>
#include <cstring>

namespace {

uint64_t draw(uint64_t &state) { // xorshift64*
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

// One of the bits of a mask, in the machine's order. Shuffled, it is the first one from a random place on.
unsigned pick(unsigned mask, int order, uint64_t &random) {
	if (order == MACHINE_FORWARD)
		return (unsigned)__builtin_ctz(mask);
	if (order == MACHINE_BACKWARD)
		return 31u - (unsigned)__builtin_clz(mask);
	unsigned from = (unsigned)(draw(random) >> 59);
	unsigned turned = mask >> from | mask << (-from & 31);
	return (from + (unsigned)__builtin_ctz(turned)) & 31;
}

bool same(bnas_site a, bnas_site b) { return a.line == b.line && (a.file == b.file || strcmp(a.file, b.file) == 0); }

} // namespace

// Asks for the stacks of the threads of a warp that run next, before they are waited for one by one.
void Worker::fetch(unsigned w) {
	for (unsigned lanes = warps[w].ready; lanes; lanes &= lanes - 1)
		__builtin_prefetch(fibers[w * WARP + (unsigned)__builtin_ctz(lanes)].context.sp);
}

bool Worker::next() {
	if (!ready)
		return false;
	unsigned w = running / WARP;
	if (order == MACHINE_SHUFFLED || !warps[w].ready) {
		w = pick(ready, order, random);
		if (order != MACHINE_SHUFFLED)
			fetch(w);
	}
	unsigned lane = pick(warps[w].ready, order, random);
	warps[w].ready &= ~(1u << lane);
	if (!warps[w].ready)
		ready &= ~(1u << w);
	running = w * WARP + lane;
	return true;
}

// Leaves the running thread for the next; last: for good.
void Worker::proceed(bool last) {
	Fiber &from = now();
	if (next())
		context_switch(from.context, now().context, last);
	else if (gone == threads)
		context_switch(from.context, home, last);
	else
		stuck();
}

void Worker::leave() {
	Fiber &f = now();
	f.state = State::GONE;
	warp().gone |= 1u << running % WARP;
	gone++;
	proceed(true);
}

void Worker::barrier(bnas_site at) {
	Fiber &f = now();
	f.state = State::AT_BARRIER;
	f.site = at;
	if (at_barrier == 0)
		waiting_at = running;
	else if (!same(fibers[waiting_at].site, at))
		fail_at(at, "divergent __syncthreads: thread %u waits at %s", waiting_at, Place(fibers[waiting_at].site).text);
	if (++at_barrier < threads) {
		proceed(false);
		return;
	}
	at_barrier = 0;
	interval++;
	if (launch->between.active())
		launch->between.pass(number);
	writers = 0;
	for (unsigned w = 0; w * WARP < threads; w++)
		warps[w].ready = warps[w].all;
	ready = threads == MAX_THREADS ? ~0u : (1u << (threads + WARP - 1) / WARP) - 1;
	warp().ready &= ~(1u << running % WARP);
	if (!warp().ready)
		ready &= ~(1u << running / WARP);
	f.state = State::READY;
}

// No thread can run: says why.
void Worker::stuck() {
	for (unsigned i = 0; i < threads; i++) {
		Fiber &f = fibers[i];
		if (f.state != State::IN_WARP)
			continue;
		unsigned missing = f.mask & ~warps[i / WARP].waiting;
		unsigned lane = missing ? (unsigned)__builtin_ctz(missing) : i % WARP;
		const char *where = warps[i / WARP].gone >> lane & 1 ? "has left the kernel" : missing ? "is at a __syncthreads" : "waits for others";
		running = i;
		fail_at(f.site, "deadlock: a warp waits with the mask %#x, but lane %u %s", f.mask, lane, where);
	}
	unsigned left = 0;
	while (fibers[left].state != State::GONE)
		left++;
	running = waiting_at;
	fail_at(fibers[waiting_at].site, "__syncthreads reached by %u of %u threads: thread %u has left the kernel", at_barrier, threads, left);
}

static void run_thread() {
	context_entered(bnas_worker->home);
	bnas_worker->launch->kernel->call(bnas_worker->launch->arguments);
	bnas_worker->leave();
	abort();
}

bool Worker::begin_block(uint32_t b) {
	const unsigned *grid = launch->shape.grid, *size = launch->shape.block;
	number = b;
	block = {b % grid[0], b / grid[0] % grid[1], b / grid[0] / grid[1]};
	random = m->options.seed * 0x9e3779b97f4a7c15ull + b + 1;
	gone = at_barrier = unfenced = writers = 0;
	first = ++interval;
	ready = 0;
	for (unsigned w = 0; w * WARP < threads; w++) {
		unsigned n = threads - w * WARP;
		unsigned all = n >= WARP ? ~0u : (1u << n) - 1;
		warps[w] = {all, all, 0, 0, 0};
		ready |= 1u << w;
	}
	for (unsigned i = 0; i < threads; i++) {
		Fiber &f = fibers[i];
		if (!context_begin(f.context, i, run_thread))
			return false;
		f.index = {i % size[0], i / size[0] % size[1], i / size[0] / size[1]};
		f.state = State::READY;
		f.copies.clear();
		f.groups = 0;
		f.fenced = 0;
		f.unfenced = false;
		f.wrote = 0;
	}
	memset(shared, 0xff, launch->shape.shared);
	return true;
}

void Worker::run_block() {
	running = 0;
	next();
	context_switch(home, now().context, false);
}
