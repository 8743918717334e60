// A persistent pool of threads for many short parallel loops (a step of a network takes 0.1 to 5 ms).
#ifndef BNAS_POOL_H
#define BNAS_POOL_H

struct pool;

// pool_new starts threads−1 workers; the caller of pool_run is thread 0. NULL if a thread cannot be started.
struct pool *pool_new(int threads);
void pool_free(struct pool *p);
int pool_threads(const struct pool *p);

// A body takes items with pool_next until it returns −1. The assignment of items to threads is not fixed: the result of an
// item must depend on the item only.
typedef void pool_body(void *arg, struct pool *p, int thread);
void pool_run(struct pool *p, int items, pool_body *body, void *arg);
int pool_next(struct pool *p, int thread);
#endif
