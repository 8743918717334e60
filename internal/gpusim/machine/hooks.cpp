//go:build cgo && linux && gpusim

// The compiler's hooks. Kernels are compiled with -fsanitize=thread,bounds,alignment but without the sanitizers'
// libraries: these are the functions that they call at every load and store.
#include "machine_impl.h"

int machine_hooked(void) {
#ifdef BNAS_HOOKS
	return 1;
#else
	return 0;
#endif
}

#ifdef BNAS_HOOKS

static inline void touch(void *p, unsigned n, Access a, void *pc) {
	if (on_this_stack((uintptr_t)p)) // half of all
		return;
	Worker *w = bnas_worker;
	if (w && w->hooks)
		w->touch(p, n, a, (uintptr_t)pc);
}

#define HOOK(name, n, access) \
	void name(void *p) { touch(p, n, access, __builtin_return_address(0)); }
#define HOOKS(n)                                      \
	HOOK(__tsan_read##n, n, Access::READ)             \
	HOOK(__tsan_write##n, n, Access::WRITE)           \
	HOOK(__tsan_unaligned_read##n, n, Access::READ)   \
	HOOK(__tsan_unaligned_write##n, n, Access::WRITE) \
	HOOK(__tsan_volatile_read##n, n, Access::READ)    \
	HOOK(__tsan_volatile_write##n, n, Access::WRITE)

extern "C" {

void __tsan_init(void) {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit(void) {}
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)
void __tsan_read_range(void *p, unsigned long n) { touch(p, (unsigned)n, Access::READ, __builtin_return_address(0)); }
void __tsan_write_range(void *p, unsigned long n) { touch(p, (unsigned)n, Access::WRITE, __builtin_return_address(0)); }

// What the compiler tells of a place in a source.
struct Source {
	const char *file;
	uint32_t line, column;
};
struct Type {
	uint16_t kind, info;
	char name[1];
};
struct OutOfBounds {
	Source at;
	const Type *array, *index;
};
struct TypeMismatch {
	Source at;
	const Type *type;
	unsigned char log_alignment, kind;
};

void __ubsan_handle_out_of_bounds(OutOfBounds *o, unsigned long index) {
	Worker *w = bnas_worker;
	if (w && w->hooks && w->m->options.check)
		w->fail_at({o->at.file, (int)o->at.line}, "out of bounds: index %ld of an array %s", (long)index, o->array->name);
}

void __ubsan_handle_type_mismatch_v1(TypeMismatch *t, unsigned long p) {
	Worker *w = bnas_worker;
	if (w && w->hooks && w->m->options.check)
		w->fail_at({t->at.file, (int)t->at.line}, "misaligned address %#lx: access to %s, a multiple of %d is needed", p, t->type->name, 1 << t->log_alignment);
}
}

#endif
