//go:build cgo

#include <string.h>
#include "isa.h"

extern const struct isa isa_portable;
#if defined(__x86_64__)
#include <cpuid.h>

extern const struct isa isa_avx512, isa_avx2;

// Not every compiler knows the name for __builtin_cpu_supports.
static int has_f16c(void) {
	unsigned a, b, c, d;
	return __get_cpuid(1, &a, &b, &c, &d) && c & bit_F16C;
}
#endif

static int has(const struct isa *i) {
#if defined(__x86_64__)
	__builtin_cpu_init();
	int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c() && __builtin_cpu_supports("bmi2");
	if (i == &isa_avx2)
		return avx2;
	if (i == &isa_avx512)
		return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
	return i == &isa_portable;
}

static const struct isa *const all[] = {
#if defined(__x86_64__)
	&isa_avx512, &isa_avx2,
#endif
	&isa_portable, NULL,
};

const struct isa *isa_best(void) {
	for (const struct isa *const *i = all;; i++)
		if (has(*i))
			return *i;
}

const struct isa *isa_named(const char *name) {
	for (const struct isa *const *i = all; *i; i++)
		if (!strcmp((*i)->name, name))
			return has(*i) ? *i : NULL;
	return NULL;
}
