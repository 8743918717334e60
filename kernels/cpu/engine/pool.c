//go:build cgo

#include "pool.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

// Each thread starts with an equal range of the items: an image stays on one core from step to step. A thread takes items from
// the front of its range. When the range is empty, it steals from the back of another thread's range.
struct stretch {
	_Alignas(64) _Atomic uint64_t bounds; // next item << 32 | end
};

// state: bit 0 is set while a loop is open to workers; bits 1..15 count the workers inside; the rest number the loop.
// A worker that wakes after the end finds the loop closed; nobody waits for it.
enum { OPEN = 1, INSIDE = 2, INSIDE_MASK = 0xfffe, LOOP = 0x10000, SPINS = 1000 };

struct pool {
	_Atomic uint64_t state;
	_Atomic int sleepers, stop;
	pool_body *body;
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int threads;
	pthread_t *workers;
	struct stretch *stretches;
	struct worker { struct pool *p; int thread; } *args;
};

static inline void relax(void) {
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

int pool_threads(const struct pool *p) { return p->threads; }

int pool_next(struct pool *p, int thread) {
	_Atomic uint64_t *own = &p->stretches[thread].bounds;
	uint64_t b = atomic_load(own);
	while ((uint32_t)(b >> 32) < (uint32_t)b)
		if (atomic_compare_exchange_weak(own, &b, b + (1ull << 32)))
			return b >> 32;
	for (int i = 1; i < p->threads; i++) {
		_Atomic uint64_t *other = &p->stretches[(thread + i) % p->threads].bounds;
		b = atomic_load(other);
		while ((uint32_t)(b >> 32) < (uint32_t)b)
			if (atomic_compare_exchange_weak(other, &b, b - 1))
				return (uint32_t)b - 1;
	}
	return -1;
}

// await_loop waits until a loop other than seen is open, and returns the state.
static uint64_t await_loop(struct pool *p, uint64_t seen) {
	for (int i = 0; i < SPINS; i++) {
		uint64_t s = atomic_load(&p->state);
		if (((s & OPEN) && s / LOOP != seen) || atomic_load(&p->stop))
			return s;
		relax();
	}
	pthread_mutex_lock(&p->lock);
	atomic_fetch_add(&p->sleepers, 1);
	uint64_t s;
	while (s = atomic_load(&p->state), !((s & OPEN) && s / LOOP != seen) && !atomic_load(&p->stop))
		pthread_cond_wait(&p->wake, &p->lock);
	atomic_fetch_sub(&p->sleepers, 1);
	pthread_mutex_unlock(&p->lock);
	return s;
}

static void *work(void *a) {
	struct worker w = *(struct worker *)a;
	struct pool *p = w.p;
	for (uint64_t seen = 0;;) {
		uint64_t s = await_loop(p, seen);
		if (atomic_load(&p->stop))
			return NULL;
		if (!atomic_compare_exchange_strong(&p->state, &s, s + INSIDE))
			continue;
		seen = s / LOOP;
		p->body(p->arg, p, w.thread);
		atomic_fetch_sub(&p->state, INSIDE);
	}
}

void pool_run(struct pool *p, int items, pool_body *body, void *arg) {
	int parts = items < p->threads ? items : p->threads;
	for (int i = 0; i < p->threads; i++) {
		uint64_t from = i < parts ? (uint64_t)items * i / parts : 0, to = i < parts ? (uint64_t)items * (i + 1) / parts : 0;
		atomic_store(&p->stretches[i].bounds, from << 32 | to);
	}
	if (parts > 1) {
		p->body = body;
		p->arg = arg;
		atomic_store(&p->state, (atomic_load(&p->state) / LOOP + 1) * LOOP + OPEN);
		if (atomic_load(&p->sleepers)) {
			pthread_mutex_lock(&p->lock);
			pthread_cond_broadcast(&p->wake);
			pthread_mutex_unlock(&p->lock);
		}
	}
	body(arg, p, 0);
	if (parts > 1) {
		atomic_fetch_and(&p->state, ~(uint64_t)OPEN);
		for (int i = 0; atomic_load(&p->state) & INSIDE_MASK; i++)
			if (i < SPINS)
				relax();
			else
				sched_yield();
	}
}

void pool_free(struct pool *p) {
	pthread_mutex_lock(&p->lock);
	atomic_store(&p->stop, 1);
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->threads - 1; i++)
		pthread_join(p->workers[i], NULL);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->wake);
	free(p->workers);
	free(p->args);
	free(p->stretches);
	free(p);
}

struct pool *pool_new(int threads) {
	struct pool *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	p->threads = 1;
	p->workers = calloc(threads, sizeof *p->workers);
	p->args = calloc(threads, sizeof *p->args);
	p->stretches = aligned_alloc(64, threads * sizeof *p->stretches);
	if (!p->workers || !p->args || !p->stretches) {
		pool_free(p);
		return NULL;
	}
	// Signals are for the Go runtime's own threads.
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	// Workers read p->threads only inside a loop, and none is open before all have started.
	for (int i = 1; i < threads; i++, p->threads++) {
		p->args[i] = (struct worker){p, i};
		if (pthread_create(&p->workers[i - 1], NULL, work, &p->args[i]))
			break;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (p->threads == threads)
		return p;
	pool_free(p);
	return NULL;
}
