// Threads of a block as fibers of one thread of the host.
#pragma once
#include <cstddef>
#include <cstdint>

const size_t STACK = 256 * 1024; // of a fiber, which begins at a multiple of it

// The stack and where it was left.
struct Context {
	void *sp = nullptr;
	char *stack = nullptr;
	const void *bottom = nullptr; // for AddressSanitizer
	size_t size = 0;
	void *fake = nullptr;
};

// Gives c a stack if it has none, and begins anew at entry, which must not return. Different c begin at different lines
// of a page, so that the tops of many stacks do not fall into the same sets of a cache.
bool context_begin(Context &c, unsigned number, void (*entry)());
void context_free(Context &c);
// Leaves `from`, which goes on when somebody switches to it; last: it never does.
void context_switch(Context &from, Context &to, bool last);
// The first thing that entry does.
void context_entered(Context &home);
// Whether p is on the stack of the fiber that asks.
inline bool on_this_stack(uintptr_t p) { return (p ^ (uintptr_t)__builtin_frame_address(0)) < STACK; }
