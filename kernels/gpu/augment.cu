// The augmentation and normalisation of training images: crop of a padded image, flip, cutout.
//
//   dst[i][c][y][x] = 0 where it is cut out, else table[c][byte]
//   byte = src[i][c][y + dy][x + dx], from the right if flip, and 0 outside the image
//
// src is bytes [images][channels][height][width]. dst is floats of the same shape. table [channels][256] maps a byte of each
// channel to (byte − mean)/deviation. The host draws views[i]. A batch of bytes is a quarter of a batch of floats on its way to
// the device. A thread makes one pixel of one channel; neighbouring threads write neighbouring pixels.
#include "plain.cuh"

extern "C" __global__ void __launch_bounds__(256) augment(float *dst, const unsigned char *src, const View *views, const float *table, i64 images, i64 channels, i64 height, i64 width) {
	const i64 plane = height * width;
	for (i64 i = thread_index(); i < images * channels * plane; i += thread_count()) {
		const View &v = views[i / (channels * plane)];
		const i64 y = i % plane / width, x = i % width, sy = y + v.dy;
		i64 sx = x + v.dx;
		if (v.flip)
			sx = width - 1 - sx;
		const bool inside = sy >= 0 && sy < height && sx >= 0 && sx < width;
		const bool cut = y >= v.top && y < v.bottom && x >= v.left && x < v.right;
		const int byte = inside ? src[i - i % plane + sy * width + sx] : 0;
		dst[i] = cut ? 0 : table[i / plane % channels * 256 + byte];
	}
}
