package cuda

import (
	"bnas.example/cuda/driver"
	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
)

// ForwardPixels brings the bytes and makes images of them on the device, where Forward would read them.
func (e *exec) ForwardPixels(p kernels.Pixels, statRows int) error {
	return e.forwardOf(len(p.Views), statRows, func() (driver.Ptr, error) { return e.show(p) })
}

// show queues the copy of pixels and the launch that makes images of them, and returns where the images will be.
func (e *exec) show(p kernels.Pixels) (driver.Ptr, error) {
	views := make([]gpu.View, len(p.Views))
	for i, v := range p.Views {
		views[i] = gpu.View{
			Dy: int64(v.DY), Dx: int64(v.DX), Top: int64(v.Top), Left: int64(v.Left), Bottom: int64(v.Bottom), Right: int64(v.Right),
		}
		if v.Flip {
			views[i].Flip = 1
		}
	}
	parts := [][]byte{p.Bytes, bytesOf(views), bytesOf(p.Table)}
	in := &e.inputs
	if err := in.room(4 * int64(len(p.Bytes))); err != nil {
		return 0, err
	}
	at, again, err := in.bring(parts...)
	if err != nil || again && in.isShown {
		return in.shown.base, err
	}
	in.isShown = false
	at1 := at + driver.Ptr(align(int64(len(parts[0]))))
	at2 := at1 + driver.Ptr(align(int64(len(parts[1]))))
	s := e.p.Values[kernels.Images].Shape
	o := simple("augment", len(p.Bytes), in.shown.base, at, at1, at2, len(p.Views), s.C, s.H, s.W)
	o.Read, o.Write = int64(len(p.Bytes)+len(parts[1])+len(parts[2])), 4*int64(len(p.Bytes))
	if err := e.queue(o); err != nil {
		return 0, err
	}
	in.isShown = true
	return in.shown.base, nil
}
