// What compiled kernels ask of the emulated machine. Included by emulate.h, implemented by this package.
#pragma once

struct bnas_index {
	unsigned x, y, z;
};

// What the lanes of a warp do together.
enum bnas_warp_op {
	BNAS_SYNC,
	BNAS_SHUFFLE,
	BNAS_BALLOT,
	BNAS_MMA_TF32,
	BNAS_MMA_F16,
	BNAS_MMA_BF16,
	BNAS_LDMATRIX,
	BNAS_LDMATRIX_TRANS,
};

// Operands of a lane, which stay where they are until every lane of the mask has come.
struct bnas_shuffle {
	unsigned long long value; // in and out
	int lane; // whose value is wanted
};
struct bnas_ballot {
	int predicate;
	unsigned result;
};
struct bnas_mma {
	float *d;
	const unsigned *a, *b;
};
struct bnas_ldmatrix {
	unsigned *r;
	const void *row;
	int matrices; // 2 or 4
};

// Where a kernel calls: file and line.
struct bnas_site {
	const char *file;
	int line;
};

#ifdef __cplusplus
extern "C" {
#endif
__attribute__((const)) struct bnas_index bnas_thread_index(void);
__attribute__((const)) struct bnas_index bnas_block_index(void);
__attribute__((const)) struct bnas_index bnas_block_size(void);
__attribute__((const)) struct bnas_index bnas_grid_size(void);
__attribute__((const)) void *bnas_dynamic_shared(void);

__attribute__((const)) int bnas_has_fma(void); // the processor has the instruction

void bnas_barrier(struct bnas_site at);
void bnas_fence(void);
void bnas_warp(enum bnas_warp_op op, unsigned mask, void *operand, struct bnas_site at);
unsigned bnas_atomic_add(unsigned *p, unsigned v, struct bnas_site at);
void bnas_copy_async(void *shared, const void *global, int valid, struct bnas_site at);
void bnas_copy_commit(void);
void bnas_copy_wait(int groups);
#ifdef __cplusplus
}
#endif

// A kernel, and the call of it with its parameters, 8 bytes each.
struct bnas_kernel {
	const char *name;
	int parameters;
	void (*call)(const unsigned long long *arguments);
	const struct bnas_kernel *next;
};
