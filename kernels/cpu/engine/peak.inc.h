// The peak rate of the processor's multiply-add units, to compare the cores with.

// peak returns the most single precision operations a second that one thread reached in independent multiply-adds.
static double peak(void) {
	enum { // as many accumulators as hide the latency and fit the registers
#ifdef __aarch64__
		WAYS = 24,
#else
		WAYS = 12,
#endif
		TURNS = 100000, TRIES = 20
	};
	volatile float one = 1;
	vf a[WAYS], x = vf_set1(one), y = vf_set1(one * 1e-30f);
	double best = 0;
	for (int try = 0; try < TRIES; try++) {
		struct timespec from, to;
		for (int i = 0; i < WAYS; i++)
			a[i] = vf_set1(i);
		clock_gettime(CLOCK_MONOTONIC, &from);
		for (int n = 0; n < TURNS; n++)
			UNROLL(24)
			for (int i = 0; i < WAYS; i++)
				a[i] = vf_fma(a[i], x, y);
		for (int i = 1; i < WAYS; i++)
			a[0] += a[i];
		one += 0 * a[0][0]; // the sum is wanted, and so cannot be left out
		clock_gettime(CLOCK_MONOTONIC, &to);
		double seconds = (to.tv_sec - from.tv_sec) + (to.tv_nsec - from.tv_nsec) * 1e-9;
		double rate = 2.0 * WAYS * VW * TURNS / seconds;
		if (rate > best)
			best = rate;
	}
	return best;
}
