//go:build cgo && linux && gpusim

#include "machine_impl.h"
#include <cstring>

machine *machine_new(const machine_options *o) {
	std::unique_ptr<machine> m(new machine);
	m->options = *o;
	if (!m->memory.open(o->memory, machine_hooked() && (o->check || o->count))) {
		m->memory.close();
		return nullptr;
	}
	for (int i = 0; i < o->threads; i++)
		m->workers.emplace_back(new Worker(m.get()));
	return m.release();
}

void machine_delete(machine *m) {
	m->memory.close();
	delete m;
}

uint64_t machine_alloc(machine *m, int64_t bytes) { return m->memory.alloc(bytes); }
int machine_free(machine *m, uint64_t p) { return m->memory.release(p); }
int64_t machine_used(const machine *m) { return m->memory.used; }
int machine_buffers(const machine *m) { return (int)m->memory.buffers.size(); }
int machine_inside(const machine *m, uint64_t p, int64_t bytes) { return m->memory.inside(p, bytes); }

void machine_write(machine *m, uint64_t p, const void *from, int64_t bytes) {
	memcpy((void *)p, from, (size_t)bytes);
	m->memory.mark_written(p, bytes);
}

void machine_read(const machine *, void *to, uint64_t p, int64_t bytes) { memcpy(to, (const void *)p, (size_t)bytes); }

void machine_fill(machine *m, uint64_t p, int value, int64_t bytes) {
	memset((void *)p, value, (size_t)bytes);
	m->memory.mark_written(p, bytes);
}

static const bnas_kernel *find(const bnas_kernel *k, const char *name) {
	while (k && strcmp(k->name, name) != 0)
		k = k->next;
	return k;
}

int bnas_has_fma(void) {
#ifdef __x86_64__
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
	return 1;
#endif
}

const bnas_kernel *machine_kernel(const machine *m, const bnas_kernel *hooked, const bnas_kernel *fast, const char *name) {
	bool hooks = machine_hooked() && (m->options.check || m->options.count);
	return find(hooks || !bnas_has_fma() ? hooked : fast, name);
}
