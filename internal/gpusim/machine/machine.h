// The emulated machine as Go sees it.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct machine machine;

enum machine_order { MACHINE_FORWARD, MACHINE_BACKWARD, MACHINE_SHUFFLED };

typedef struct {
	int threads; // of the host
	int check, count;
	int order; // of blocks and threads
	uint64_t seed;
	int64_t memory; // bytes that can be allocated
} machine_options;

// What the threads of a launch loaded and stored, in bytes, and the 32-byte sectors that were touched.
typedef struct {
	int64_t loads, stores, sectors_read, sectors_written;
} machine_traffic;

typedef struct {
	unsigned grid[3], block[3];
	unsigned shared;
} machine_launch_shape;

// An error in a kernel. pc is where, from the start of the program, 0 if the text says it.
typedef struct {
	char text[768];
	uintptr_t pc;
} machine_fault;

int machine_hooked(void); // whether loads and stores pass through the checks in this build
machine *machine_new(const machine_options *o); // 0: no memory
void machine_delete(machine *m);

uint64_t machine_alloc(machine *m, int64_t bytes); // 0: no memory
// 0; −1: not the start of a buffer; 1: something wrote around the buffer.
int machine_free(machine *m, uint64_t p);
int64_t machine_used(const machine *m);
int machine_buffers(const machine *m);
// Whether all of [p, p + bytes) is in one buffer.
int machine_inside(const machine *m, uint64_t p, int64_t bytes);
void machine_write(machine *m, uint64_t p, const void *from, int64_t bytes);
void machine_read(const machine *m, void *to, uint64_t p, int64_t bytes);
void machine_fill(machine *m, uint64_t p, int value, int64_t bytes);

// 0: the launch ended; 1: it was stopped by the fault.
int machine_run(machine *m, const struct bnas_kernel *k, machine_launch_shape l, const unsigned long long *arguments, machine_traffic *t, machine_fault *f);

// The kernel of a name: of the compilation with hooks where they are needed, else of the fast one where it can run.
const struct bnas_kernel *machine_kernel(const machine *m, const struct bnas_kernel *hooked, const struct bnas_kernel *fast, const char *name);

#ifdef __cplusplus
}
#endif
