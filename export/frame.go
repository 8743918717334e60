package export

import "bnas.example/kernels"

// frame is what the windows of a convolution or pool read around one axis of the image: so many positions before and after it.
// A negative number leaves pixels out.
type frame struct{ before, after int }

// frameOf returns the frame with which out windows fit in pixels, rounded down. Of several it is an equal one on both sides, or
// none.
//
//	after = (out − 1)·stride + dilation·(kernel − 1) + 1 − before − in, and up to stride − 1 more
func frameOf(in, out int, w kernels.Window) frame {
	least := (out-1)*w.Stride + w.Dilation*(w.Kernel-1) + 1 - w.Pad - in
	for _, after := range []int{w.Pad, 0} {
		if after >= max(least, 0) && after < least+w.Stride {
			return frame{w.Pad, after}
		}
	}
	return frame{w.Pad, least}
}

// frames returns the frames of rows and columns.
func frames(in, out kernels.Shape, w kernels.Window) (rows, columns frame) {
	return frameOf(in.H, out.H, w), frameOf(in.W, out.W, w)
}

// crops reports whether the frame leaves pixels out.
func (f frame) crops() bool { return f.before < 0 || f.after < 0 }

// kept returns the first pixel that is not left out and the one after the last.
func (f frame) kept(in int) (from, to int) { return max(-f.before, 0), in + min(f.after, 0) }

// padded returns the frame without what it leaves out.
func (f frame) padded() frame { return frame{max(f.before, 0), max(f.after, 0)} }
