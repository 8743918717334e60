// Register tiles of the weight gradient: sums of outer products.
//
// A tile is ni input lanes by nk channel blocks of the output. It stays in registers during the sum over n pixels of some
// rows:
//
//	acc[i][k][·] += Σ over rows y, pixels p of x[y·down + p·step + i] · d[k][y·across + p·LANES + ·]
//
// The sum starts at 0 and is added to acc at the end: the terms of a long sum are added in pieces.

struct outer {
	const float *x, *d;
	size_t down, step;    // of x: floats from row to row, and from pixel to pixel
	size_t across, block; // of d: floats from row to row, and from block to block
	int rows, n;
};

INLINE void outer_tile(const int ni, const int nk, const struct outer *o, int lane, float *acc) {
	vf a[LANES][PANEL_MAX * NV];
	UNROLL(16)
	for (int i = 0; i < ni; i++)
		UNROLL(4)
		for (int v = 0; v < nk * NV; v++)
			a[i][v] = vf_set1(0);
	for (int y = 0; y < o->rows; y++) {
		const float *x = o->x + y * o->down + lane, *d = o->d + y * o->across;
		for (int p = 0; p < o->n; p++, x += o->step, d += LANES) {
			vf b[PANEL_MAX * NV];
			UNROLL(4)
			for (int v = 0; v < nk * NV; v++)
				b[v] = vf_load(d + v / NV * o->block + v % NV * VW);
			UNROLL(16)
			for (int i = 0; i < ni; i++) {
				vf s = vf_set1(x[i]);
				UNROLL(4)
				for (int v = 0; v < nk * NV; v++)
					a[i][v] = vf_fma(s, b[v], a[i][v]);
			}
		}
	}
	UNROLL(16)
	for (int i = 0; i < ni; i++)
		UNROLL(4)
		for (int v = 0; v < nk * NV; v++) {
			float *to = acc + (lane + i) * nk * LANES + v * VW;
			vf_store(to, vf_load(to) + a[i][v]);
		}
}

// The input lanes of a tile: as many as fit the registers.
#if VW == 16
#define OUTER_LANES(nk) ((nk) == 1 ? 16 : 8)
#elif VW == 8 || defined(__aarch64__)
#define OUTER_LANES(nk) 4
#else
#define OUTER_LANES(nk) 2
#endif

// outer_panel adds to acc[lanes][nk·LANES], in whole tiles.
INLINE void outer_lanes(const int nk, const struct outer *o, int lanes, float *acc) {
	if (OUTER_LANES(nk) > 4 && lanes <= 4)
		outer_tile(4, nk, o, 0, acc);
	else
		for (int i = 0; i < lanes; i += OUTER_LANES(nk))
			outer_tile(OUTER_LANES(nk), nk, o, i, acc);
}

#define PANEL(nk) \
	static __attribute__((noinline)) void outer_##nk(const struct outer *o, int lanes, float *acc) { outer_lanes(nk, o, lanes, acc); }
PANEL(1)
#if PANEL_MAX == 3
PANEL(2)
PANEL(3)
#endif
#undef PANEL

static void outer_panel(int nk, const struct outer *o, int lanes, float *acc) {
	switch (nk) {
#if PANEL_MAX == 3
	case 2: outer_2(o, lanes, acc); break;
	case 3: outer_3(o, lanes, acc); break;
#endif
	default: outer_1(o, lanes, acc);
	}
}
