// Fetching what the next call of a core will touch. The second-level cache holds it until then.

// ahead_add adds a stretch of n floats, if there is room.
static void ahead_add(struct ahead *a, const float *at, size_t n, int written) {
	if (a->count == AHEAD_STRETCHES || !n)
		return;
	a->stretches[a->count].at = at;
	a->stretches[a->count].lines = n / LANES;
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
		const float *at = a->stretches[a->count - 1].at;
		size_t *lines = &a->stretches[a->count - 1].lines, n = *lines < left ? *lines : left;
		if (a->stretches[a->count - 1].written)
			for (size_t i = 0; i < n; i++)
				__builtin_prefetch(at + i * LANES, 1, 3);
		else
			for (size_t i = 0; i < n; i++)
				__builtin_prefetch(at + i * LANES, 0, 2);
		a->stretches[a->count - 1].at += n * LANES;
		left -= n;
		if (!(*lines -= n))
			a->count--;
	}
}
