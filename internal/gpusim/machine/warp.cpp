//go:build cgo && linux && gpusim

// What the lanes of a warp do together. The last lane to come does it for all.
#include "worker.h"
#include <cstring>

namespace {

float from_bits(unsigned u) {
	float f;
	memcpy(&f, &u, 4);
	return f;
}

// The tensor core ignores the low 13 bits.
float tf32(unsigned u) { return from_bits(u & 0xffffe000u); }
float bf16(unsigned u) { return from_bits(u << 16); }
float f16(unsigned u) {
	unsigned sign = (u & 0x8000u) << 16, a = u & 0x7fffu;
	if (a >= 0x7c00u)
		return from_bits(sign | 0x7f800000u | (a & 0x3ffu) << 13);
	float f = a < 0x400u ? (float)a * 0x1p-24f : from_bits((a << 13) + 0x38000000u);
	return sign ? -f : f;
}

// d[16][8] += a[16][K] · b[K][8], a product after the other in fp32. Lane l holds, with g = l / 4 and t = l % 4, rows g and
// g + 8 and columns 2t and 2t + 1 of d.
template <int K> void multiply(bnas_mma *const *lanes, const float (&a)[16][K], const float (&b)[K][8]) {
	for (int l = 0; l < WARP; l++)
		for (int i = 0; i < 4; i++) {
			int row = l / 4 + i / 2 * 8, column = l % 4 * 2 + i % 2;
			float sum = lanes[l]->d[i];
			for (int k = 0; k < K; k++)
				sum += a[row][k] * b[k][column];
			lanes[l]->d[i] = sum;
		}
}

// a: rows g, g + 8, columns t, t + 4; b: rows t, t + 4, column g.
void mma_tf32(bnas_mma *const *lanes) {
	float a[16][8], b[8][8];
	for (int l = 0; l < WARP; l++) {
		int g = l / 4, t = l % 4;
		for (int i = 0; i < 4; i++)
			a[g + i % 2 * 8][t + i / 2 * 4] = tf32(lanes[l]->a[i]);
		for (int i = 0; i < 2; i++)
			b[t + i * 4][g] = tf32(lanes[l]->b[i]);
	}
	multiply<8>(lanes, a, b);
}

// a: rows g, g + 8, columns 2t, 2t + 1 and 8 further; b: rows 2t, 2t + 1 and 8 further, column g. The even one is low.
void mma_16(bnas_mma *const *lanes, float (*value)(unsigned)) {
	float a[16][16], b[16][8];
	for (int l = 0; l < WARP; l++) {
		int g = l / 4, t = l % 4;
		for (int h = 0; h < 2; h++) {
			for (int i = 0; i < 4; i++)
				a[g + i % 2 * 8][2 * t + h + i / 2 * 8] = value(lanes[l]->a[i] >> 16 * h & 0xffffu);
			for (int i = 0; i < 2; i++)
				b[2 * t + h + i * 8][g] = value(lanes[l]->b[i] >> 16 * h & 0xffffu);
		}
	}
	multiply<16>(lanes, a, b);
}

void shuffle(Fiber *lanes, unsigned mask) {
	unsigned long long value[WARP];
	for (unsigned m = mask; m; m &= m - 1) {
		int l = __builtin_ctz(m);
		value[l] = ((bnas_shuffle *)lanes[l].operand)->value;
	}
	for (unsigned m = mask; m; m &= m - 1) {
		int l = __builtin_ctz(m);
		bnas_shuffle *s = (bnas_shuffle *)lanes[l].operand;
		if (s->lane >= 0 && s->lane < WARP && mask >> s->lane & 1)
			s->value = value[s->lane];
	}
}

void ballot(Fiber *lanes, unsigned mask) {
	unsigned votes = 0;
	for (unsigned m = mask; m; m &= m - 1)
		votes |= (unsigned)((bnas_ballot *)lanes[__builtin_ctz(m)].operand)->predicate << __builtin_ctz(m);
	for (unsigned m = mask; m; m &= m - 1)
		((bnas_ballot *)lanes[__builtin_ctz(m)].operand)->result = votes;
}

} // namespace

// Matrix i is 8 rows of 8 halves, row r at the address that lane 8i + r gives. Lane l gets, of each, the pair 2(l % 4) of
// row l / 4; transposed, rows 2(l % 4) and the next of column l / 4.
void Worker::load_matrices(Fiber *lanes, bool transposed) {
	int n = ((bnas_ldmatrix *)lanes[0].operand)->matrices;
	unsigned short matrix[4][8][8];
	const unsigned caller = running;
	for (int l = 0; l < 8 * n; l++) {
		const void *row = ((bnas_ldmatrix *)lanes[l].operand)->row;
		running = caller / WARP * WARP + (unsigned)l;
		if ((uintptr_t)row % 16)
			fail_at(lanes[l].site, "misaligned address: ldmatrix of a row at %p", row);
		touch(row, 16, Access::READ, 0);
		memcpy(matrix[l / 8][l % 8], row, 16);
	}
	running = caller;
	for (int l = 0; l < WARP; l++) {
		unsigned *r = ((bnas_ldmatrix *)lanes[l].operand)->r;
		for (int i = 0; i < n; i++) {
			auto &m = matrix[i];
			int p = l % 4 * 2, q = l / 4;
			r[i] = transposed ? m[p][q] | (unsigned)m[p + 1][q] << 16 : m[q][p] | (unsigned)m[q][p + 1] << 16;
		}
	}
}

void Worker::perform(bnas_warp_op op, unsigned mask) {
	Fiber *lanes = &fibers[running / WARP * WARP];
	if (op == BNAS_SYNC) {
		warp().synced++;
		return;
	}
	if (op == BNAS_SHUFFLE)
		return shuffle(lanes, mask);
	if (op == BNAS_BALLOT)
		return ballot(lanes, mask);
	if (mask != ~0u)
		fail_at(now().site, "a matrix operation in a warp of fewer than 32 threads");
	if (op == BNAS_LDMATRIX || op == BNAS_LDMATRIX_TRANS)
		return load_matrices(lanes, op == BNAS_LDMATRIX_TRANS);
	bnas_mma *operands[WARP];
	for (int l = 0; l < WARP; l++)
		operands[l] = (bnas_mma *)lanes[l].operand;
	if (op == BNAS_MMA_TF32)
		mma_tf32(operands);
	else
		mma_16(operands, op == BNAS_MMA_F16 ? f16 : bf16);
}

void Worker::together(bnas_warp_op op, unsigned mask, void *operand, bnas_site at) {
	Fiber &f = now();
	Warp &w = warp();
	unsigned bit = 1u << running % WARP, m = mask & w.all;
	if (!(m & bit))
		fail_at(at, "a lane that is not in its own mask %#x", mask);
	if (m & w.gone)
		fail_at(at, "deadlock: a warp waits with the mask %#x, but lane %d has left the kernel", mask, __builtin_ctz(m & w.gone));
	if (unsigned others = w.waiting & m) {
		Fiber &other = fibers[running / WARP * WARP + (unsigned)__builtin_ctz(others)];
		if (other.mask != m || other.op != op)
			fail_at(at, "lanes of a warp disagree: mask %#x here, lane %d waits with %#x at %s%s", m, __builtin_ctz(others), other.mask,
				Place(other.site).text, other.op != op ? " for something else" : "");
	}
	f.mask = m;
	f.op = op;
	f.operand = operand;
	f.site = at;
	w.waiting |= bit;
	if ((w.waiting & m) != m) {
		f.state = State::IN_WARP;
		proceed(false);
		return;
	}
	perform(op, m);
	w.waiting &= ~m;
	w.ready |= m & ~bit;
	if (w.ready)
		ready |= 1u << running / WARP;
	for (unsigned r = m; r; r &= r - 1)
		fibers[running / WARP * WARP + (unsigned)__builtin_ctz(r)].state = State::READY;
}
