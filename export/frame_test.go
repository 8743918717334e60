package export

import (
	"testing"

	"bnas.example/kernels"
)

func TestFrameOf(t *testing.T) {
	for _, c := range []struct {
		in, out                       int
		kernel, stride, pad, dilation int
		want                          frame
		crops                         bool
		from, to                      int // of the pixels kept
		padded                        frame
	}{
		{8, 8, 3, 1, 1, 1, frame{1, 1}, false, 0, 8, frame{1, 1}},
		{8, 4, 3, 2, 1, 1, frame{1, 1}, false, 0, 8, frame{1, 1}},
		{7, 4, 3, 2, 1, 1, frame{1, 1}, false, 0, 7, frame{1, 1}},
		{8, 8, 5, 1, 4, 2, frame{4, 4}, false, 0, 8, frame{4, 4}},
		{8, 4, 1, 2, 0, 1, frame{0, 0}, false, 0, 8, frame{0, 0}},
		{8, 4, 1, 2, -1, 1, frame{-1, 0}, true, 1, 8, frame{0, 0}},
		{9, 4, 1, 2, -1, 1, frame{-1, 0}, true, 1, 9, frame{0, 0}},
		{8, 7, 1, 1, 0, 1, frame{0, -1}, true, 0, 7, frame{0, 0}},
		{8, 6, 1, 1, -1, 1, frame{-1, -1}, true, 1, 7, frame{0, 0}},
		{4, 4, 2, 1, 0, 1, frame{0, 1}, false, 0, 4, frame{0, 1}},
		{9, 5, 3, 2, 0, 1, frame{0, 2}, false, 0, 9, frame{0, 2}},
		{9, 5, 3, 2, 1, 1, frame{1, 1}, false, 0, 9, frame{1, 1}},
		{8, 5, 3, 2, 2, 1, frame{2, 2}, false, 0, 8, frame{2, 2}},
		{8, 5, 3, 2, 1, 1, frame{1, 2}, false, 0, 8, frame{1, 2}},
		{8, 4, 3, 2, 2, 1, frame{2, 0}, false, 0, 8, frame{2, 0}}, // two more would be another window
	} {
		f := frameOf(c.in, c.out, kernels.Window{Kernel: c.kernel, Stride: c.stride, Pad: c.pad, Dilation: c.dilation})
		from, to := f.kept(c.in)
		if f != c.want || f.crops() != c.crops || from != c.from || to != c.to || f.padded() != c.padded {
			t.Errorf("%+v: %v, crops %v, keeps %d…%d, padded %v", c, f, f.crops(), from, to, f.padded())
		}
	}
}
