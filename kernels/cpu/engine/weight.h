// The cores of the weight gradient, and the job of a step.
//
//	dW[o, i, k] = Σ over images and output pixels p of dy[o, p] · u[i, p·stride − pad + k·dilation]
//
// The images are cut into chunks and the output blocks into parts. The number of both depends on the shape and on the number
// of images only. An item is the sum of one part over the images of one chunk, in order. The chunks are added in order, in
// doubles. The bits are therefore the same for any number of threads.
#ifndef BNAS_WEIGHT_H
#define BNAS_WEIGHT_H
#include "engine.h"

// The sum of an item. dw is [panel][cb][taps][LANES][nk·LANES] with the panels of tile.inc.h, input lane by output lanes.
// Depthwise: [kb][taps][LANES].
struct weight_sum {
	struct conv_shape s; // kb: the output blocks of the part
	float *dw, *scratch;
	int tiles;           // Winograd: number of tiles that wait in scratch
};

// The gradient of the outputs of an image: [kb] blocks, h rows of w pixels. row and block are the floats from a row to the
// next and from a block to the next.
struct output_gradient {
	const float *at;
	size_t row, block;
};

struct weight_core {
	const char *name;
	// fits reports whether the core can compute s, the shape of the forward job. Every shape has a core that fits.
	int (*fits)(const struct conv_shape *s);
	// part returns the largest number of output blocks of an item.
	int (*part)(const struct conv_shape *s);
	size_t (*size)(const struct conv_shape *s);         // floats of dw
	size_t (*scratch_size)(const struct conv_shape *s); // floats
	// start clears a sum; add adds an image: u is the padded input [cb][ph][pw][LANES]; finish leaves the sum in dw. It
	// depends on the images and their order only.
	void (*start)(struct weight_sum *m);
	void (*add)(struct weight_sum *m, const float *u, const struct output_gradient *dy);
	void (*finish)(struct weight_sum *m);
};

struct weight_job {
	struct conv_job conv; // the forward job: its shape and the place of its input
	const struct weight_core *core;
	int part;             // output blocks of an item
	int least, chunks;    // images of a chunk of a large batch; the largest number of chunks
	size_t pad, dy, scratch; // floats of a thread: padded input, output gradient, the core's scratch
	size_t size;          // floats of a chunk's sums
};

// Many chunks occupy many threads; each costs memory and an addition. Chunk `chunk` of n images starts at image chunk_start.
static inline int weight_chunks(const struct weight_job *j, int n) {
	int chunks = n / j->least < 8 ? 8 : n / j->least;
	chunks = chunks < j->chunks ? chunks : j->chunks;
	return chunks < n ? chunks : n;
}
static inline int chunk_start(int n, int chunk, int chunks) { return (int)((int64_t)n * chunk / chunks); }

// The weight [outs][ins/groups][kernel][kernel] of one sibling, from the job's output block `block` on.
struct weight_slice { int block, outs, ins, groups; };
#endif
