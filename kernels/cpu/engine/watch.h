// The time of each phase of the engine, for a profile.
#ifndef BNAS_WATCH_H
#define BNAS_WATCH_H
#include <stddef.h>
#include <time.h>

// The phases, as kernels.Phase names them.
enum phase { PHASE_FORM, PHASE_TRANSFORM, PHASE_PRODUCT, PHASE_GRADIENT, PHASE_STATISTICS, PHASE_WEIGHTS, PHASE_OTHER, PHASES };

// What a thread gathers: the seconds of each phase, and the multiplications and additions of the products. It fills whole cache
// lines.
struct profile { double seconds[PHASES], flops; } __attribute__((aligned(64)));

// A watch runs from one lap to the next. Without a profile it does nothing.
struct watch { struct profile *profile; double at; };

static inline double watch_now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

// watch_start begins to measure what thread does. profiles is an element for each thread, or NULL.
static inline struct watch watch_start(struct profile *profiles, int thread) {
	struct watch w = {NULL, 0};
	if (profiles)
		w = (struct watch){profiles + thread, watch_now()};
	return w;
}

// watch_lap adds the time since the last lap to a phase.
static inline void watch_lap(struct watch *w, enum phase p) {
	if (!w->profile)
		return;
	double now = watch_now();
	w->profile->seconds[p] += now - w->at;
	w->at = now;
}

static inline void watch_flops(struct watch *w, double n) {
	if (w->profile)
		w->profile->flops += n;
}
#endif
