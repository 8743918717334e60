//go:build cgo && linux && gpusim

// cp.async, atomics and fences of a thread.
#include "machine_impl.h"
#include <algorithm>
#include <cstring>

void Worker::copy_async(void *shared, const void *global, int valid, bnas_site at) {
	if ((uintptr_t)shared % 16 || (valid && (uintptr_t)global % 16))
		fail_at(at, "misaligned address: cp.async from %p to %p", global, shared);
	here = at;
	touch(shared, 16, Access::ARRIVING, 0);
	if (valid)
		touch(global, 16, Access::READ, 0);
	here = {};
	now().copies.push_back({shared, valid ? global : nullptr, now().groups});
}

// Lands all but the last `groups` groups.
void Worker::copy_wait(int groups) {
	Fiber &f = now();
	size_t kept = 0;
	for (Copy &c : f.copies) {
		if (c.group >= f.groups - groups) {
			f.copies[kept++] = c;
			continue;
		}
		if (hooks)
			land(c.shared);
		if (c.global)
			memcpy(c.shared, c.global, 16);
		else
			memset(c.shared, 0, 16);
	}
	f.copies.resize(kept);
}

void Worker::fence() {
	Fiber &f = now();
	f.fenced = interval;
	unfenced -= f.unfenced;
	f.unfenced = false;
}

// Before an atomic on a counter in global memory a block's writes before its last barrier are visible if every thread that wrote has
// fenced, or this one since that barrier. Of those after the barrier, this thread's own are, if a fence follows them.
unsigned Worker::atomic_add(unsigned *p, unsigned v, bnas_site at) {
	bool counter = hooks && launch->between.active() && m->memory.holds((uintptr_t)p);
	if (counter) {
		std::lock_guard<std::mutex> lock(launch->mutex);
		launch->between.learn(number, (uintptr_t)p);
	}
	here = at;
	touch(p, 4, Access::ATOMIC, 0);
	here = {};
	if (!counter)
		return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
	std::lock_guard<std::mutex> lock(launch->mutex);
	launch->between.learn(number, (uintptr_t)p);
	const Fiber &f = now();
	if (unfenced == 0 || f.fenced == interval)
		launch->between.tell(number, (uintptr_t)p, !f.unfenced && writers == (f.wrote == interval));
	return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
}

extern "C" {

bnas_index bnas_thread_index(void) { return bnas_worker->now().index; }
bnas_index bnas_block_index(void) { return bnas_worker->block; }
bnas_index bnas_block_size(void) {
	const unsigned *b = bnas_worker->launch->shape.block;
	return {b[0], b[1], b[2]};
}
bnas_index bnas_grid_size(void) {
	const unsigned *g = bnas_worker->launch->shape.grid;
	return {g[0], g[1], g[2]};
}
void *bnas_dynamic_shared(void) { return bnas_worker->shared; }

void bnas_barrier(bnas_site at) { bnas_worker->barrier(at); }
void bnas_fence(void) { bnas_worker->fence(); }
void bnas_warp(bnas_warp_op op, unsigned mask, void *operand, bnas_site at) { bnas_worker->together(op, mask, operand, at); }
unsigned bnas_atomic_add(unsigned *p, unsigned v, bnas_site at) { return bnas_worker->atomic_add(p, v, at); }
void bnas_copy_async(void *shared, const void *global, int valid, bnas_site at) { bnas_worker->copy_async(shared, global, valid, at); }
void bnas_copy_commit(void) { bnas_worker->now().groups++; }
void bnas_copy_wait(int groups) { bnas_worker->copy_wait(groups); }
}
