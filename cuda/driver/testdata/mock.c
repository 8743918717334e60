// A mock of CUDA's driver. Its GPU's memory is that of the host, and work is done when it is queued. It has three kernels of
// its own. As in CUDA it is an error to call it on a thread without the context, to use more shared memory than was set, and
// to release the context before everything else. BNAS_MOCK_FAIL=cuMemAlloc:2 makes a call fail with a code.
// BNAS_MOCK_CUDA=11080 is the version of the driver.
//
// Linked with the machine and the kernels of internal/gpusim (scripts/cuda-mock.sh), it also runs the kernels of kernels/gpu.
// Its memory is then that of the machine, in which every new byte is 0xff, and a copy that leaves its buffer is an error.
#include <cuda.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../../internal/gpusim/machine/machine.h"

const struct bnas_kernel *bnas_kernels(void), *bnas_kernels_fast(void);

// All are null without the machine.
#pragma weak machine_new
#pragma weak machine_alloc
#pragma weak machine_free
#pragma weak machine_used
#pragma weak machine_inside
#pragma weak machine_run
#pragma weak machine_kernel
#pragma weak bnas_kernels
#pragma weak bnas_kernels_fast

#define SHARED_MOST (163 << 10)
#define SHARED_USUAL (48 << 10)
#define MEMORY (4ll << 30)
#define PARAMETERS_MOST 16

struct CUfunc_st {
	const char *name;
	int parameters, shared;
	const struct bnas_kernel *kernel; // null: one of the three
};
struct CUevent_st { int there; };
struct CUstream_st { CUgraph recording; };

// One item of work: queued at once, or part of a graph.
struct work {
	enum { MOVE, FILL, RUN } kind;
	void *to;
	const void *from;
	size_t bytes;
	unsigned char value;
	struct CUfunc_st *function;
	unsigned geometry[7];
	unsigned long long argument[PARAMETERS_MOST];
};
struct CUgraph_st { struct work *work; int n; };
struct CUgraphExec_st { struct CUgraph_st graph; };

static __thread CUcontext current;
static int context;
static _Atomic int retained, allocated; // allocated: streams, events, modules, graphs, pinned buffers
static struct CUfunc_st functions[128] = {{"mock_copy", 3, SHARED_USUAL}, {"mock_geometry", 1, SHARED_USUAL}, {"mock_nothing", 0, SHARED_USUAL}};
static machine *gpu;
static CUresult lost; // after a fault every call fails
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER; // several drivers of a program use the one machine

static CUresult forced(const char *call) {
	const char *text = getenv("BNAS_MOCK_FAIL");
	size_t n = strlen(call);
	if (n > 3 && !strncmp(call + n - 3, "_v", 2)) // cuda.h names cuMemAlloc cuMemAlloc_v2
		n -= 3;
	return text && !strncmp(text, call, n) && text[n] == ':' ? atoi(text + n + 1) : 0;
}
#define CHECK                                  \
	do {                                       \
		CUresult r = forced(__func__);         \
		if (r || (r = lost))                   \
			return r;                          \
		if (current != (CUcontext)&context)    \
			return CUDA_ERROR_INVALID_CONTEXT; \
	} while (0)
#define CHECK_ALWAYS                   \
	do {                               \
		CUresult r = forced(__func__); \
		if (r)                         \
			return r;                  \
	} while (0)

static CUresult fault(const char *text) {
	fprintf(stderr, "mock GPU: %s\n", text);
	return lost = CUDA_ERROR_ILLEGAL_ADDRESS;
}
static void run_kernel(const struct work *w) {
	const unsigned *g = w->geometry;
	machine_launch_shape shape = {{g[0], g[1], g[2]}, {g[3], g[4], g[5]}, g[6]};
	machine_traffic traffic;
	machine_fault found;
	if (machine_run(gpu, w->function->kernel, shape, w->argument, &traffic, &found))
		fault(found.text);
}
static void run(const struct work *w) {
	if (lost)
		return;
	if (w->kind == MOVE)
		memcpy(w->to, w->from, w->bytes);
	else if (w->kind == FILL)
		memset(w->to, w->value, w->bytes);
	else if (w->function->kernel)
		run_kernel(w);
	else if (!strcmp(w->function->name, "mock_copy"))
		memcpy((void *)w->argument[0], (void *)w->argument[1], w->argument[2]);
	else if (!strcmp(w->function->name, "mock_geometry"))
		memcpy((void *)w->argument[0], w->geometry, sizeof w->geometry);
}
static CUresult queue(CUstream s, struct work w) {
	CUgraph g = s->recording;
	if (g) {
		g->work = realloc(g->work, (g->n + 1) * sizeof w);
		g->work[g->n++] = w;
		return 0;
	}
	pthread_mutex_lock(&one);
	run(&w);
	pthread_mutex_unlock(&one);
	return 0;
}
// Whether bytes of the GPU's memory are of one buffer.
static int inside(CUdeviceptr p, size_t n) {
	if (!gpu)
		return 1;
	pthread_mutex_lock(&one);
	int r = machine_inside(gpu, p, n);
	pthread_mutex_unlock(&one);
	return r;
}

CUresult cuInit(unsigned flags) {
	CHECK_ALWAYS;
	return getenv("CUDA_MODULE_LOADING") ? 0 : CUDA_ERROR_NOT_PERMITTED; // the program says how modules are loaded
}
CUresult cuDriverGetVersion(int *v) { *v = getenv("BNAS_MOCK_CUDA") ? atoi(getenv("BNAS_MOCK_CUDA")) : 12060; return 0; }
CUresult cuGetErrorName(CUresult r, const char **s) {
	*s = r == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : r == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_MOCK";
	return 0;
}
CUresult cuGetErrorString(CUresult r, const char **s) { *s = r == 2 ? "out of memory" : "words of CUDA"; return 0; }
CUresult cuDeviceGetCount(int *n) { *n = getenv("BNAS_MOCK_NONE") && *getenv("BNAS_MOCK_NONE") ? 0 : 1; return 0; }
CUresult cuDeviceGet(CUdevice *d, int i) { *d = i; return 0; }
CUresult cuDeviceGetName(char *s, int n, CUdevice d) { snprintf(s, n, "mock GPU"); return 0; }
CUresult cuDeviceGetAttribute(int *v, CUdevice_attribute a, CUdevice d) {
	CHECK_ALWAYS;
	switch (a) {
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *v = 8; break;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *v = 9; break;
	case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *v = 7; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *v = SHARED_MOST; break;
	default: return CUDA_ERROR_INVALID_VALUE;
	}
	return 0;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d) {
	CHECK_ALWAYS;
	pthread_mutex_lock(&one);
	machine_options o = {.threads = 1, .memory = MEMORY};
	if (machine_new && !gpu)
		gpu = machine_new(&o);
	pthread_mutex_unlock(&one);
	if (machine_new && !gpu)
		return CUDA_ERROR_OUT_OF_MEMORY;
	retained++;
	*c = (CUcontext)&context;
	return 0;
}
CUresult cuDevicePrimaryCtxRelease(CUdevice d) { CHECK; return --retained == 0 && allocated ? CUDA_ERROR_UNKNOWN : 0; }
CUresult cuCtxSetCurrent(CUcontext c) { CHECK_ALWAYS; current = c; return 0; }

CUresult cuModuleLoadDataEx(CUmodule *m, const void *image, unsigned n, CUjit_option *o, void **v) {
	for (unsigned i = 0; i < n && forced(__func__); i++)
		if (o[i] == CU_JIT_ERROR_LOG_BUFFER)
			strcpy(v[i], "ptxas application : error : mock");
	CHECK;
	allocated++;
	*m = (CUmodule)functions;
	return 0;
}
CUresult cuModuleUnload(CUmodule m) { CHECK; allocated--; return 0; }
CUresult cuModuleGetFunction(CUfunction *f, CUmodule m, const char *name) {
	CHECK;
	pthread_mutex_lock(&one);
	struct CUfunc_st *at = functions, *end = functions + sizeof functions / sizeof *functions;
	while (at < end && at->name && strcmp(at->name, name))
		at++;
	const struct bnas_kernel *k = gpu && at < end && !at->name ? machine_kernel(gpu, bnas_kernels(), bnas_kernels_fast(), name) : NULL;
	if (k && k->parameters <= PARAMETERS_MOST)
		*at = (struct CUfunc_st){k->name, k->parameters, SHARED_USUAL, k};
	*f = at;
	int found = at < end && at->name;
	pthread_mutex_unlock(&one);
	return found ? 0 : CUDA_ERROR_NOT_FOUND;
}
CUresult cuFuncSetAttribute(CUfunction f, CUfunction_attribute a, int v) {
	CHECK;
	if (a != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || v > SHARED_MOST)
		return CUDA_ERROR_INVALID_VALUE;
	f->shared = v;
	return 0;
}
CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
	unsigned shared, CUstream s, void **p, void **extra) {
	CHECK;
	if (shared > (unsigned)f->shared || bx * by * bz > 1024)
		return CUDA_ERROR_INVALID_VALUE;
	struct work w = {RUN, .function = f, .geometry = {gx, gy, gz, bx, by, bz, shared}};
	for (int i = 0; i < f->parameters; i++)
		memcpy(&w.argument[i], p[i], 8);
	return queue(s, w);
}

CUresult cuMemGetInfo(size_t *free, size_t *total) {
	CHECK;
	*total = gpu ? MEMORY : 4 << 20;
	*free = gpu ? MEMORY - machine_used(gpu) : 3 << 20;
	return 0;
}
CUresult cuMemAlloc(CUdeviceptr *p, size_t n) {
	CHECK;
	pthread_mutex_lock(&one);
	*p = gpu ? machine_alloc(gpu, n) : (CUdeviceptr)malloc(n);
	pthread_mutex_unlock(&one);
	return *p ? 0 : CUDA_ERROR_OUT_OF_MEMORY;
}
CUresult cuMemFree(CUdeviceptr p) {
	CHECK;
	if (!gpu) {
		free((void *)p);
		return 0;
	}
	pthread_mutex_lock(&one);
	int r = machine_free(gpu, p);
	pthread_mutex_unlock(&one);
	return r > 0 ? fault("something has written past the end of a buffer") : r < 0 ? CUDA_ERROR_INVALID_VALUE : 0;
}
CUresult cuMemHostAlloc(void **p, size_t n, unsigned flags) { CHECK; allocated++; *p = malloc(n); return 0; }
CUresult cuMemFreeHost(void *p) { CHECK; allocated--; free(p); return 0; }
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t n, CUstream s) {
	CHECK;
	return inside(to, n) ? queue(s, (struct work){MOVE, (void *)to, from, n}) : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t n, CUstream s) {
	CHECK;
	return inside(from, n) ? queue(s, (struct work){MOVE, to, (void *)from, n}) : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char v, size_t n, CUstream s) {
	CHECK;
	return inside(to, n) ? queue(s, (struct work){FILL, (void *)to, 0, n, v}) : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuStreamCreate(CUstream *s, unsigned flags) { CHECK; allocated++; *s = calloc(1, sizeof **s); return 0; }
CUresult cuStreamDestroy(CUstream s) { CHECK; allocated--; free(s); return 0; }
CUresult cuStreamSynchronize(CUstream s) { CHECK; return s->recording ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : 0; }
CUresult cuStreamWaitEvent(CUstream s, CUevent e, unsigned flags) { CHECK; return 0; }
CUresult cuEventCreate(CUevent *e, unsigned flags) { CHECK; allocated++; *e = calloc(1, sizeof **e); return 0; }
CUresult cuEventDestroy(CUevent e) { CHECK; allocated--; free(e); return 0; }
CUresult cuEventRecord(CUevent e, CUstream s) { CHECK; return 0; }
CUresult cuEventSynchronize(CUevent e) { CHECK; return 0; }

CUresult cuStreamBeginCapture(CUstream s, CUstreamCaptureMode mode) {
	CHECK;
	allocated++;
	s->recording = calloc(1, sizeof *s->recording);
	return 0;
}
CUresult cuStreamEndCapture(CUstream s, CUgraph *g) { CHECK; *g = s->recording; s->recording = NULL; return 0; }
CUresult cuGraphInstantiateWithFlags(CUgraphExec *e, CUgraph g, unsigned long long flags) {
	CHECK;
	allocated++;
	*e = malloc(sizeof **e);
	(*e)->graph.n = g->n;
	(*e)->graph.work = malloc(g->n * sizeof *g->work + 1);
	if (g->n)
		memcpy((*e)->graph.work, g->work, g->n * sizeof *g->work);
	return 0;
}
CUresult cuGraphDestroy(CUgraph g) { CHECK; allocated--; free(g->work); free(g); return 0; }
CUresult cuGraphLaunch(CUgraphExec e, CUstream s) {
	CHECK;
	pthread_mutex_lock(&one);
	for (int i = 0; i < e->graph.n; i++)
		run(&e->graph.work[i]);
	pthread_mutex_unlock(&one);
	return 0;
}
CUresult cuGraphExecDestroy(CUgraphExec e) { CHECK; allocated--; free(e->graph.work); free(e); return 0; }
