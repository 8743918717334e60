//go:build cgo && linux && gpusim

#include "fiber.h"
#include <cstring>
#include <sys/mman.h>
#if !defined(__x86_64__) && !defined(__aarch64__)
#define PORTABLE
#include <ucontext.h>
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace {
const size_t PAGE = 4096;

// Addresses for a stack, at a multiple of its size.
void *reserve() {
	char *p = (char *)mmap(nullptr, 2 * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return nullptr;
	char *begin = (char *)(((uintptr_t)p + STACK - 1) & ~(uintptr_t)(STACK - 1));
	if (begin > p)
		munmap(p, (size_t)(begin - p));
	munmap(begin + STACK, (size_t)(p + STACK - begin));
	return begin;
}
}

#ifdef __x86_64__
extern "C" void bnas_switch(void **from, void *to);
asm(".text\n"
	".globl bnas_switch\n"
	".hidden bnas_switch\n"
	".type bnas_switch,@function\n"
	"bnas_switch:\n"
	"	push %rbp\n	push %rbx\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n"
	"	mov %rsp,(%rdi)\n"
	"	mov %rsi,%rsp\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbx\n	pop %rbp\n"
	"	ret\n"
	".size bnas_switch,.-bnas_switch\n");

static void *first_frame(char *top, void (*entry)()) {
	void **sp = (void **)top;
	*--sp = nullptr; // as if entry had been called
	*--sp = (void *)entry;
	for (int i = 0; i < 6; i++)
		*--sp = nullptr;
	return sp;
}
#endif

#ifdef __aarch64__
extern "C" void bnas_switch(void **from, void *to);
asm(".text\n"
	".globl bnas_switch\n"
	".hidden bnas_switch\n"
	"bnas_switch:\n"
	"	sub sp, sp, #160\n"
	"	stp x19, x20, [sp, #0]\n	stp x21, x22, [sp, #16]\n	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n	stp x27, x28, [sp, #64]\n	stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n	stp d10, d11, [sp, #112]\n	stp d12, d13, [sp, #128]\n	stp d14, d15, [sp, #144]\n"
	"	mov x9, sp\n	str x9, [x0]\n	mov sp, x1\n"
	"	ldp x19, x20, [sp, #0]\n	ldp x21, x22, [sp, #16]\n	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n	ldp x27, x28, [sp, #64]\n	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n	ldp d10, d11, [sp, #112]\n	ldp d12, d13, [sp, #128]\n	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	ret\n");

static void *first_frame(char *top, void (*entry)()) {
	void **sp = (void **)(top - 160);
	memset(sp, 0, 160);
	sp[11] = (void *)entry; // x30
	return sp;
}
#endif

bool context_begin(Context &c, unsigned number, void (*entry)()) {
	if (!c.stack) {
		void *p = reserve();
		if (!p)
			return false;
		mprotect(p, PAGE, PROT_NONE);
		c.stack = (char *)p;
		c.bottom = c.stack + PAGE;
		c.size = STACK - PAGE;
	}
#ifdef __SANITIZE_ADDRESS__
	__asan_unpoison_memory_region(c.bottom, c.size);
	c.fake = nullptr;
#endif
	char *top = c.stack + STACK - number % 32 * 128;
#ifdef PORTABLE
	static_assert(sizeof(ucontext_t) < STACK / 4, "");
	ucontext_t *u = (ucontext_t *)(c.stack + PAGE);
	getcontext(u);
	u->uc_stack.ss_sp = c.stack + PAGE + sizeof *u;
	u->uc_stack.ss_size = (size_t)(top - (char *)u->uc_stack.ss_sp);
	makecontext(u, entry, 0);
	c.sp = u;
#else
	c.sp = first_frame(top, entry);
#endif
	return true;
}

void context_free(Context &c) {
	if (c.stack)
		munmap(c.stack, STACK);
	c.stack = nullptr;
}

void context_switch(Context &from, Context &to, bool last) {
	(void)last;
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_start_switch_fiber(last ? nullptr : &from.fake, to.bottom, to.size);
#endif
#ifdef PORTABLE
	ucontext_t here;
	if (!from.stack)
		from.sp = &here;
	swapcontext((ucontext_t *)from.sp, (ucontext_t *)to.sp);
#else
	bnas_switch(&from.sp, to.sp);
#endif
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(from.fake, nullptr, nullptr);
#endif
}

// Threads begin from the block's own context or from one another; the former's stack is what `home` must learn.
void context_entered(Context &home) {
	(void)home;
#ifdef __SANITIZE_ADDRESS__
	const void *bottom;
	size_t size;
	__sanitizer_finish_switch_fiber(nullptr, &bottom, &size);
	if (!home.bottom) {
		home.bottom = bottom;
		home.size = size;
	}
#endif
}
