// A thread of the host and the block that it runs.
#pragma once
#include "fiber.h"
#include "machine.h"
#include "memory.h"
#include "order.h"
#include "shared.h"
#include <mutex>
#include <vector>

struct machine;

enum { WARP = 32, MAX_THREADS = 1024, MAX_WARPS = MAX_THREADS / WARP };
const size_t MAX_SHARED = 163 * 1024, SHARED_ROOM = MAX_SHARED + 128 * 1024; // with room before and after

// A cp.async that has not landed.
struct Copy {
	void *shared;
	const void *global; // 0: zeros
	int group;
};

enum class State : unsigned char { READY, AT_BARRIER, IN_WARP, GONE };

struct Fiber {
	Context context;
	bnas_index index;
	State state;
	// Of a thread that waits.
	bnas_site site;
	unsigned mask;
	bnas_warp_op op;
	void *operand;

	std::vector<Copy> copies;
	int groups; // committed
	uint32_t fenced; // the barrier interval of its last fence
	bool unfenced; // it has written to global memory since
	uint32_t wrote; // the barrier interval of its last write to global memory
};

struct Warp {
	unsigned all, ready, waiting, gone; // lanes
	uint16_t synced; // times
};

// What the workers of a launch share.
struct Launch {
	machine *m;
	const bnas_kernel *kernel;
	machine_launch_shape shape;
	const unsigned long long *arguments;
	uint32_t number;
	uint32_t blocks, threads;
	std::vector<uint32_t> order; // of blocks, empty: as they are numbered
	uint32_t next = 0; // atomic
	Order between; // blocks
	std::mutex mutex;
	bool stopped = false, failed = false; // atomic
	uint32_t stopped_at = 0; // block
	machine_fault fault;
};

struct Worker {
	machine *m;
	Launch *launch = nullptr;
	bool hooks = false; // loads and stores are looked at
	machine_traffic traffic = {};

	Fiber fibers[MAX_THREADS];
	Warp warps[MAX_WARPS];
	unsigned ready = 0; // warps with lanes that can run
	unsigned running = 0, threads = 0, gone = 0, at_barrier = 0, unfenced = 0;
	unsigned writers = 0; // threads that have written to global memory in this interval
	unsigned waiting_at = 0; // the first thread at the barrier
	uint32_t interval = 1; // between barriers, of all blocks
	uint32_t first = 1; // of this block
	int order;
	uint64_t random = 0;
	Context home;
	bnas_site here = {}; // of an access that the machine makes for the running thread
	bool faulted = false;

	bnas_index block;
	uint32_t number; // of the block
	char *shared = nullptr, *shared_room = nullptr;
	SharedShadow dynamic, fixed;
	uintptr_t image_begin = 0, image_end = 0, image_base = 0; // the program, whose constants a kernel may read

	explicit Worker(machine *m);
	~Worker();
	Fiber &now() { return fibers[running]; }
	Warp &warp() { return warps[running / WARP]; }
	void run(Launch &l);

	void barrier(bnas_site at);
	void together(bnas_warp_op op, unsigned mask, void *operand, bnas_site at);
	void fence();
	unsigned atomic_add(unsigned *p, unsigned v, bnas_site at);
	void copy_async(void *shared, const void *global, int valid, bnas_site at);
	void copy_wait(int groups);
	void touch(const void *p, unsigned bytes, Access a, uintptr_t pc);
	void leave();
	// Stops the launch: the block is given up.
	[[noreturn]] void fail(uintptr_t pc, const char *format, ...) __attribute__((format(printf, 3, 4)));
	[[noreturn]] void fail_at(bnas_site at, const char *format, ...) __attribute__((format(printf, 3, 4)));

private:
	bool open(Launch &l);
	bool begin_block(uint32_t block);
	void run_block();
	bool next();
	void fetch(unsigned warp);
	void proceed(bool last);
	[[noreturn]] void stuck();
	[[noreturn]] void stop(uintptr_t pc, const char *text);

	void perform(bnas_warp_op op, unsigned mask);
	void load_matrices(Fiber *lanes, bool transposed);
	void land(void *shared);

	void count(uintptr_t p, unsigned bytes, Access a);
	template <Access A> void check_global_word(uintptr_t at, uint8_t bytes, unsigned n, Stamp me, uintptr_t pc);
	template <Access A> void check_global_words(uintptr_t p, unsigned n, uintptr_t pc);
	void check_global(uintptr_t p, unsigned bytes, Access a, uintptr_t pc);
	void check_elsewhere(uintptr_t p, unsigned bytes, Access a, uintptr_t pc);
	template <Access A> void check_word(SharedShadow &s, uintptr_t at, uint8_t bytes, Touch me, uintptr_t pc);
	template <Access A> void check_words(SharedShadow &s, uintptr_t p, unsigned n, uintptr_t pc);
	void check_shared(SharedShadow &s, uintptr_t p, unsigned bytes, Access a, uintptr_t pc);
	[[noreturn]] void fail_shared(const SharedShadow &s, const Word &w, uintptr_t at, uint8_t bytes, Access a, uintptr_t pc) __attribute__((noinline, cold));
};

// The worker of this thread of the host, 0 outside of a launch.
extern __thread Worker *bnas_worker __attribute__((tls_model("initial-exec")));

// Calls f(at, bytes) for each 4 bytes that an access to n bytes touches: where it begins in them, and the mask of those that it touches.
template <class F> inline void each_word(uintptr_t p, unsigned n, F f) {
	if ((p | n) % 4 == 0) {
		for (uintptr_t at = p; at < p + n; at += 4)
			f(at, (uint8_t)0xf);
		return;
	}
	for (uintptr_t at = p; at < p + n;) {
		uintptr_t word = at & ~(uintptr_t)3, end = p + n < word + 4 ? p + n : word + 4;
		f(at, (uint8_t)(((1u << (end - at)) - 1) << (at - word)));
		at = end;
	}
}

// "file:line" without the folders.
struct Place {
	char text[96];
	explicit Place(bnas_site at);
};
