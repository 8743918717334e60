// Fetching what the next call of a core will touch. The second-level cache holds it until then.

enum { LINE = 64 }; // bytes

// ahead_add adds n elements from the first-th on, if there is room. They are floats, or 16-bit floats with half.
static void ahead_add(struct ahead *a, const void *base, size_t first, size_t n, int half, int written) {
	size_t size = half ? sizeof(uint16_t) : sizeof(float);
	if (a->count == AHEAD_STRETCHES || !n)
		return;
	a->stretches[a->count].at = (const char *)base + first * size;
	a->stretches[a->count].lines = n * size / LINE;
	a->stretches[a->count++].written = written;
}

// ahead_share divides the lines by the number of times that the core will call ahead_some.
static void ahead_share(struct ahead *a, int calls) {
	size_t lines = 0;
	for (int i = 0; i < a->count; i++)
		lines += a->stretches[i].lines;
	a->share = (lines + calls - 1) / calls;
}

static void ahead_some(struct ahead *a) {
	for (size_t left = a->share; left && a->count;) {
		const char *at = a->stretches[a->count - 1].at;
		size_t *lines = &a->stretches[a->count - 1].lines, n = *lines < left ? *lines : left;
		if (a->stretches[a->count - 1].written)
			for (size_t i = 0; i < n; i++)
				__builtin_prefetch(at + i * LINE, 1, 3);
		else
			for (size_t i = 0; i < n; i++)
				__builtin_prefetch(at + i * LINE, 0, 2);
		a->stretches[a->count - 1].at += n * LINE;
		left -= n;
		if (!(*lines -= n))
			a->count--;
	}
}
