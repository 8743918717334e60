//go:build cgo && linux && gpusim

// A launch: its blocks over threads of the host.
#include "machine_impl.h"
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <link.h>
#include <random>
#include <signal.h>
#include <thread>

__thread Worker *bnas_worker __attribute__((tls_model("initial-exec")));

namespace {

const size_t REDZONE = (SHARED_ROOM - MAX_SHARED) / 2;

struct Image {
	uintptr_t tls_begin = 0, tls_end = 0, begin = ~(uintptr_t)0, end = 0, base = 0;
};

// The first object is the program itself.
int look(dl_phdr_info *info, size_t, void *result) {
	Image &image = *(Image *)result;
	image.base = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) &h = info->dlpi_phdr[i];
		if (h.p_type == PT_LOAD) {
			image.begin = std::min<uintptr_t>(image.begin, info->dlpi_addr + h.p_vaddr);
			image.end = std::max<uintptr_t>(image.end, info->dlpi_addr + h.p_vaddr + h.p_memsz);
		}
		if (h.p_type == PT_TLS && info->dlpi_tls_data) {
			image.tls_begin = (uintptr_t)info->dlpi_tls_data;
			image.tls_end = image.tls_begin + h.p_memsz;
		}
	}
	return 1;
}

} // namespace

Place::Place(bnas_site at) {
	const char *slash = at.file ? strrchr(at.file, '/') : nullptr;
	snprintf(text, sizeof text, "%s:%d", slash ? slash + 1 : at.file ? at.file : "?", at.line);
}

Worker::Worker(machine *m) : m(m), order(m->options.order) {}

Worker::~Worker() {
	for (Fiber &f : fibers)
		context_free(f.context);
	free(shared_room);
}

void Worker::fail(uintptr_t pc, const char *format, ...) {
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (here.file) {
		size_t n = strlen(text);
		snprintf(text + n, sizeof text - n, " (%s)", Place(here).text);
	}
	stop(pc, text);
}

void Worker::fail_at(bnas_site at, const char *format, ...) {
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	size_t n = strlen(text);
	snprintf(text + n, sizeof text - n, " (%s)", Place(at).text);
	stop(0, text);
}

void Worker::stop(uintptr_t pc, const char *text) {
	bnas_index t = now().index;
	{
		std::lock_guard<std::mutex> lock(launch->mutex);
		if (!launch->stopped || number < launch->stopped_at) {
			launch->stopped_at = number;
			launch->fault.pc = pc ? pc - image_base : 0;
			snprintf(launch->fault.text, sizeof launch->fault.text, "kernel %s, block (%u,%u,%u), thread (%u,%u,%u): %s", launch->kernel->name,
				block.x, block.y, block.z, t.x, t.y, t.z, text);
		}
		__atomic_store_n(&launch->stopped, true, __ATOMIC_RELAXED);
	}
	faulted = true;
	context_switch(now().context, home, true);
	abort();
}

bool Worker::open(Launch &l) {
	launch = &l;
	threads = l.threads;
	traffic = {};
	faulted = false;
	here = {};
	home.bottom = nullptr;
	hooks = machine_hooked() && (m->options.check || m->options.count);
#ifdef __SANITIZE_ADDRESS__
	free(shared_room);
	shared_room = shared = (char *)malloc(l.shape.shared ? l.shape.shared : 1);
	if (!shared)
		return false;
#else
	if (!shared_room) {
		if (posix_memalign((void **)&shared_room, 256, SHARED_ROOM) != 0)
			return false;
		shared = shared_room + REDZONE;
	}
#endif
	if (!hooks)
		return true;
	Image image;
	dl_iterate_phdr(look, &image);
	image_begin = image.begin;
	image_end = image.end;
	image_base = image.base;
	dynamic.set((uintptr_t)shared, (uintptr_t)shared + l.shape.shared);
	fixed.set(image.tls_begin, image.tls_end);
	return true;
}

void Worker::run(Launch &l) {
	bnas_worker = this;
	if (!open(l)) {
		__atomic_store_n(&l.failed, true, __ATOMIC_RELAXED);
	} else {
		while (!__atomic_load_n(&l.stopped, __ATOMIC_RELAXED) && !__atomic_load_n(&l.failed, __ATOMIC_RELAXED)) {
			uint32_t i = __atomic_fetch_add(&l.next, 1, __ATOMIC_RELAXED);
			if (i >= l.blocks)
				break;
			if (!begin_block(l.order.empty() ? (order == MACHINE_BACKWARD ? l.blocks - 1 - i : i) : l.order[i])) {
				__atomic_store_n(&l.failed, true, __ATOMIC_RELAXED);
				break;
			}
			run_block();
			if (l.between.active())
				l.between.end(number);
			if (faulted)
				break;
		}
	}
	bnas_worker = nullptr;
}

static void run_workers(machine *m, Launch &l) {
	size_t n = std::min<size_t>(m->workers.size(), l.blocks);
	// A signal for the process must not be taken on a fiber's stack of a thread that Go does not know.
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	std::vector<std::thread> others;
	for (size_t i = 1; i < n; i++)
		others.emplace_back([m, &l, i] { m->workers[i]->run(l); });
	pthread_sigmask(SIG_SETMASK, &before, nullptr);
	m->workers[0]->run(l);
	for (std::thread &t : others)
		t.join();
}

int machine_run(machine *m, const bnas_kernel *k, machine_launch_shape shape, const unsigned long long *arguments, machine_traffic *traffic, machine_fault *fault) {
	Launch l;
	l.m = m;
	l.kernel = k;
	l.shape = shape;
	l.arguments = arguments;
	l.number = ++m->launches;
	l.blocks = shape.grid[0] * shape.grid[1] * shape.grid[2];
	l.threads = shape.block[0] * shape.block[1] * shape.block[2];
	if (m->options.check && l.blocks <= Order::MOST)
		l.between.begin(l.blocks);
	if (m->options.order == MACHINE_SHUFFLED) {
		l.order.resize(l.blocks);
		for (uint32_t i = 0; i < l.blocks; i++)
			l.order[i] = i;
		std::mt19937_64 random(m->options.seed);
		std::shuffle(l.order.begin(), l.order.end(), random);
	}
	run_workers(m, l);
	*traffic = {};
	for (auto &w : m->workers) {
		traffic->loads += w->traffic.loads;
		traffic->stores += w->traffic.stores;
		traffic->sectors_read += w->traffic.sectors_read;
		traffic->sectors_written += w->traffic.sectors_written;
		w->traffic = {};
	}
	if (l.failed)
		snprintf(l.fault.text, sizeof l.fault.text, "kernel %s: no memory for the stacks of %u threads", k->name, l.threads);
	if (l.stopped || l.failed)
		*fault = l.fault;
	return l.stopped || l.failed;
}
