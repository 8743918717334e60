// A mock of CUDA's driver. Its GPU's memory is that of the host, and work is done when it is queued. It has three kernels of
// its own. As in CUDA it is an error to call it on a thread without the context, to use more shared memory than was set, and
// to release the context before everything else. BNAS_MOCK_FAIL=cuMemAlloc:2 makes a call fail with a code.
#include <cuda.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARED_MOST (163 << 10)

struct CUfunc_st {
	const char *name;
	int parameters, shared;
};
struct CUevent_st { int there; };
struct CUstream_st { int capturing; };

// One item of work: queued at once, or part of a graph.
struct work {
	enum { MOVE, FILL, RUN } kind;
	void *to;
	const void *from;
	size_t bytes;
	unsigned char value;
	struct CUfunc_st *function;
	unsigned geometry[7];
	unsigned long long argument[3];
};
struct CUgraph_st { struct work work[16]; int n; };
struct CUgraphExec_st { struct CUgraph_st graph; };

static __thread CUcontext current;
static int context, allocated; // allocated: streams, events, modules, graphs, pinned buffers
static CUgraph recording;
static struct CUfunc_st functions[] = {{"mock_copy", 3, 48 << 10}, {"mock_geometry", 1, 48 << 10}, {"mock_nothing", 0, 48 << 10}};

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
		if (r)                                 \
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

static void run(const struct work *w) {
	if (w->kind == MOVE)
		memcpy(w->to, w->from, w->bytes);
	else if (w->kind == FILL)
		memset(w->to, w->value, w->bytes);
	else if (!strcmp(w->function->name, "mock_copy"))
		memcpy((void *)w->argument[0], (void *)w->argument[1], w->argument[2]);
	else if (!strcmp(w->function->name, "mock_geometry"))
		memcpy((void *)w->argument[0], w->geometry, sizeof w->geometry);
}
static CUresult queue(CUstream s, struct work w) {
	if (s->capturing)
		recording->work[recording->n++] = w;
	else
		run(&w);
	return 0;
}

CUresult cuInit(unsigned flags) { CHECK_ALWAYS; return 0; }
CUresult cuDriverGetVersion(int *v) { *v = 12060; return 0; }
CUresult cuGetErrorName(CUresult r, const char **s) {
	*s = r == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : r == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_MOCK";
	return 0;
}
CUresult cuGetErrorString(CUresult r, const char **s) { *s = r == 2 ? "out of memory" : "words of CUDA"; return 0; }
CUresult cuDeviceGetCount(int *n) { *n = getenv("BNAS_MOCK_NONE") ? 0 : 1; return 0; }
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
CUresult cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d) { CHECK_ALWAYS; *c = (CUcontext)&context; return 0; }
CUresult cuDevicePrimaryCtxRelease(CUdevice d) { CHECK; return allocated ? CUDA_ERROR_UNKNOWN : 0; }
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
	for (unsigned i = 0; i < sizeof functions / sizeof *functions; i++)
		if (!strcmp(functions[i].name, name)) {
			*f = &functions[i];
			return 0;
		}
	return CUDA_ERROR_NOT_FOUND;
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

CUresult cuMemGetInfo(size_t *free, size_t *total) { CHECK; *free = 3 << 20; *total = 4 << 20; return 0; }
CUresult cuMemAlloc(CUdeviceptr *p, size_t n) { CHECK; *p = (CUdeviceptr)malloc(n); return 0; }
CUresult cuMemFree(CUdeviceptr p) { CHECK; free((void *)p); return 0; }
CUresult cuMemHostAlloc(void **p, size_t n, unsigned flags) { CHECK; allocated++; *p = malloc(n); return 0; }
CUresult cuMemFreeHost(void *p) { CHECK; allocated--; free(p); return 0; }
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t n, CUstream s) {
	CHECK;
	return queue(s, (struct work){MOVE, (void *)to, from, n});
}
CUresult cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t n, CUstream s) {
	CHECK;
	return queue(s, (struct work){MOVE, to, (void *)from, n});
}
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char v, size_t n, CUstream s) {
	CHECK;
	return queue(s, (struct work){FILL, (void *)to, 0, n, v});
}

CUresult cuStreamCreate(CUstream *s, unsigned flags) { CHECK; allocated++; *s = calloc(1, sizeof **s); return 0; }
CUresult cuStreamDestroy(CUstream s) { CHECK; allocated--; free(s); return 0; }
CUresult cuStreamSynchronize(CUstream s) { CHECK; return s->capturing ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : 0; }
CUresult cuStreamWaitEvent(CUstream s, CUevent e, unsigned flags) { CHECK; return 0; }
CUresult cuEventCreate(CUevent *e, unsigned flags) { CHECK; allocated++; *e = calloc(1, sizeof **e); return 0; }
CUresult cuEventDestroy(CUevent e) { CHECK; allocated--; free(e); return 0; }
CUresult cuEventRecord(CUevent e, CUstream s) { CHECK; return 0; }
CUresult cuEventSynchronize(CUevent e) { CHECK; return 0; }

CUresult cuStreamBeginCapture(CUstream s, CUstreamCaptureMode mode) {
	CHECK;
	allocated++;
	recording = calloc(1, sizeof *recording);
	s->capturing = 1;
	return 0;
}
CUresult cuStreamEndCapture(CUstream s, CUgraph *g) { CHECK; s->capturing = 0; *g = recording; return 0; }
CUresult cuGraphInstantiateWithFlags(CUgraphExec *e, CUgraph g, unsigned long long flags) {
	CHECK;
	allocated++;
	*e = malloc(sizeof **e);
	(*e)->graph = *g;
	return 0;
}
CUresult cuGraphDestroy(CUgraph g) { CHECK; allocated--; free(g); return 0; }
CUresult cuGraphLaunch(CUgraphExec e, CUstream s) {
	CHECK;
	for (int i = 0; i < e->graph.n; i++)
		run(&e->graph.work[i]);
	return 0;
}
CUresult cuGraphExecDestroy(CUgraphExec e) { CHECK; allocated--; free(e); return 0; }
