package export

import (
	"fmt"
	"math"
	"slices"

	"bnas.example/onnx"
)

// array is a tensor of the interpreter. Whole numbers are exact in float64.
type array struct {
	shape []int
	data  []float64
}

func zeros(shape ...int) array {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return array{slices.Clone(shape), make([]float64, n)}
}

// interpret runs a graph on images by the definitions of ONNX's operators, in float64.
func interpret(g *onnx.Graph, images array) (array, error) {
	known := map[string]array{g.Inputs[0].Name: images}
	add := func(name string, a array) error {
		if _, twice := known[name]; twice {
			return fmt.Errorf("%s is written twice", name)
		}
		known[name] = a
		return nil
	}
	for _, t := range g.Initializers {
		a := zeros(t.Shape...)
		for i := range a.data {
			if t.Floats != nil {
				a.data[i] = float64(t.Floats[i])
			} else {
				a.data[i] = float64(t.Ints[i])
			}
		}
		if err := add(t.Name, a); err != nil {
			return array{}, err
		}
	}
	for _, n := range g.Nodes {
		var in []array
		for _, name := range n.Inputs {
			a, ok := known[name]
			if !ok {
				return array{}, fmt.Errorf("%s reads %s before it is known", n.Name, name)
			}
			in = append(in, a)
		}
		f, ok := operators[n.Op]
		if !ok {
			return array{}, fmt.Errorf("%s: no operator %s", n.Name, n.Op)
		}
		if err := add(n.Outputs[0], f(attributes(n), in)); err != nil {
			return array{}, err
		}
	}
	out, ok := known[g.Outputs[0].Name]
	if !ok {
		return array{}, fmt.Errorf("nothing writes %s", g.Outputs[0].Name)
	}
	return out, nil
}

// named are the attributes of a node.
type named map[string]any

func attributes(n onnx.Node) named {
	a := named{}
	for _, v := range n.Attributes {
		a[v.Name] = v.Value
	}
	return a
}

func (a named) int(name string, absent int64) int {
	if v, ok := a[name].(int64); ok {
		return int(v)
	}
	return int(absent)
}

func (a named) ints(name string, absent ...int64) []int64 {
	if v, ok := a[name].([]int64); ok {
		return v
	}
	return absent
}

var operators = map[string]func(a named, in []array) array{
	"Relu": func(_ named, in []array) array {
		return mapped(in[0], func(_ int, v float64) float64 { return max(v, 0) })
	},
	"Clip": func(_ named, in []array) array {
		return mapped(in[0], func(_ int, v float64) float64 { return min(max(v, in[1].data[0]), in[2].data[0]) })
	},
	"Add": func(_ named, in []array) array {
		if !slices.Equal(in[0].shape, in[1].shape) {
			panic(fmt.Sprintf("adds %v to %v", in[1].shape, in[0].shape))
		}
		return mapped(in[0], func(i int, v float64) float64 { return v + in[1].data[i] })
	},
	// Mul is of images and one plane.
	"Mul": func(_ named, in []array) array {
		plane := in[1]
		if !slices.Equal(plane.shape, []int{1, 1, in[0].shape[2], in[0].shape[3]}) {
			panic(fmt.Sprintf("multiplies %v by %v", in[0].shape, plane.shape))
		}
		return mapped(in[0], func(i int, v float64) float64 { return v * plane.data[i%len(plane.data)] })
	},
	"BatchNormalization": func(a named, in []array) array {
		pixels := in[0].shape[2] * in[0].shape[3]
		return mapped(in[0], func(i int, v float64) float64 {
			c := i / pixels % in[0].shape[1]
			return (v-in[3].data[c])/math.Sqrt(in[4].data[c]+float64(a["epsilon"].(float32)))*in[1].data[c] + in[2].data[c]
		})
	},
	"GlobalAveragePool": func(_ named, in []array) array {
		s := in[0].shape
		out := zeros(s[0], s[1], 1, 1)
		pixels := s[2] * s[3]
		for i, v := range in[0].data {
			out.data[i/pixels] += v / float64(pixels)
		}
		return out
	},
	"Flatten": func(_ named, in []array) array {
		return array{[]int{in[0].shape[0], len(in[0].data) / in[0].shape[0]}, in[0].data}
	},
	"Gemm": func(a named, in []array) array {
		n, k, classes := in[0].shape[0], in[0].shape[1], in[1].shape[0]
		if a.int("transB", 0) != 1 || in[1].shape[1] != k {
			panic(fmt.Sprintf("Gemm of %v and %v", in[0].shape, in[1].shape))
		}
		out := zeros(n, classes)
		for i := range n {
			for j := range classes {
				if len(in) > 2 {
					out.data[i*classes+j] = in[2].data[j]
				}
				for l := range k {
					out.data[i*classes+j] += in[0].data[i*k+l] * in[1].data[j*k+l]
				}
			}
		}
		return out
	},
	"Shape": func(a named, in []array) array {
		part := in[0].shape[a.int("start", 0):a.int("end", int64(len(in[0].shape)))]
		out := zeros(len(part))
		for i, n := range part {
			out.data[i] = float64(n)
		}
		return out
	},
	"ConstantOfShape": func(_ named, in []array) array {
		var shape []int
		for _, n := range in[0].data {
			shape = append(shape, int(n))
		}
		return zeros(shape...)
	},
	"Pad":         padded,
	"Concat":      concatenated,
	"Slice":       sliced,
	"Conv":        convolved,
	"MaxPool":     func(a named, in []array) array { return pooled(a, in[0], true) },
	"AveragePool": func(a named, in []array) array { return pooled(a, in[0], false) },
}

func mapped(a array, f func(i int, v float64) float64) array {
	out := zeros(a.shape...)
	for i, v := range a.data {
		out.data[i] = f(i, v)
	}
	return out
}

func concatenated(a named, in []array) array {
	axis := a.int("axis", 0)
	shape := slices.Clone(in[0].shape)
	shape[axis] = 0
	outer := 1
	for _, n := range shape[:axis] {
		outer *= n
	}
	for _, x := range in {
		shape[axis] += x.shape[axis]
	}
	out := zeros(shape...)
	at := 0
	for i := range outer {
		for _, x := range in {
			row := len(x.data) / outer
			at += copy(out.data[at:], x.data[i*row:(i+1)*row])
		}
	}
	return out
}

// sliced takes a part of some axes: in is the data, the starts, the ends, the axes.
func sliced(_ named, in []array) array {
	from, to := make([]int, len(in[0].shape)), slices.Clone(in[0].shape)
	for i, axis := range in[3].data {
		from[int(axis)], to[int(axis)] = int(in[1].data[i]), int(in[2].data[i])
	}
	out := array{}
	for i := range to {
		out.shape = append(out.shape, to[i]-from[i])
	}
	for i, v := range in[0].data {
		inside := true
		for axis, rest := len(to)-1, i; axis >= 0; axis-- {
			at := rest % in[0].shape[axis]
			rest /= in[0].shape[axis]
			inside = inside && at >= from[axis] && at < to[axis]
		}
		if inside {
			out.data = append(out.data, v)
		}
	}
	return out
}

// windows are the sizes of a convolution or pool.
type windows struct {
	stride, pad, dilation, kernel [2]int
	out                           [2]int
}

func windowsOf(a named, in array) (w windows) {
	strides, pads := a.ints("strides", 1, 1), a.ints("pads", 0, 0, 0, 0)
	dilations, kernel := a.ints("dilations", 1, 1), a.ints("kernel_shape")
	for i := range 2 {
		w.stride[i], w.dilation[i], w.kernel[i], w.pad[i] = int(strides[i]), int(dilations[i]), int(kernel[i]), int(pads[i])
		if pads[i] < 0 || pads[i+2] < 0 {
			panic("a negative pad")
		}
		w.out[i] = (in.shape[2+i]+int(pads[i]+pads[i+2])-w.dilation[i]*(w.kernel[i]-1)-1)/w.stride[i] + 1
	}
	return w
}

// taps calls f for each position of a window inside the image, with its place in the kernel.
func (w windows) taps(in array, y, x int, f func(kernel, pixel int)) {
	for i := range w.kernel[0] {
		for j := range w.kernel[1] {
			row, column := y*w.stride[0]-w.pad[0]+i*w.dilation[0], x*w.stride[1]-w.pad[1]+j*w.dilation[1]
			if row >= 0 && row < in.shape[2] && column >= 0 && column < in.shape[3] {
				f(i*w.kernel[1]+j, row*in.shape[3]+column)
			}
		}
	}
}

func convolved(a named, in []array) array {
	x, weight := in[0], in[1]
	w, groups := windowsOf(a, x), a.int("group", 1)
	outs, ins := weight.shape[0], weight.shape[1]
	taps, pixels := w.kernel[0]*w.kernel[1], x.shape[2]*x.shape[3]
	out := zeros(x.shape[0], outs, w.out[0], w.out[1])
	for i := range out.data {
		column, row := i%w.out[1], i/w.out[1]%w.out[0]
		c, n := i/w.out[1]/w.out[0]%outs, i/w.out[1]/w.out[0]/outs
		if len(in) > 2 {
			out.data[i] = in[2].data[c]
		}
		for k := range ins {
			from := (n*x.shape[1] + c/(outs/groups)*ins + k) * pixels
			w.taps(x, row, column, func(kernel, pixel int) {
				out.data[i] += weight.data[(c*ins+k)*taps+kernel] * x.data[from+pixel]
			})
		}
	}
	return out
}

// padded puts a margin of one number around the images: in is the data, the margins, the number.
func padded(_ named, in []array) array {
	x, margins := in[0], in[1].data
	top, left := int(margins[2]), int(margins[3])
	out := zeros(x.shape[0], x.shape[1], x.shape[2]+top+int(margins[6]), x.shape[3]+left+int(margins[7]))
	out = mapped(out, func(int, float64) float64 { return in[2].data[0] })
	width, pixels := out.shape[3], out.shape[2]*out.shape[3]
	for i, v := range x.data {
		plane, row, column := i/(x.shape[2]*x.shape[3]), i/x.shape[3]%x.shape[2], i%x.shape[3]
		out.data[plane*pixels+(row+top)*width+column+left] = v
	}
	return out
}

func pooled(a named, in array, largest bool) array {
	w := windowsOf(a, in)
	for i, pad := range a.ints("pads", 0, 0, 0, 0) {
		if int(pad) >= w.kernel[i%2] {
			panic("onnxruntime takes no margin as wide as the kernel")
		}
	}
	pixels := in.shape[2] * in.shape[3]
	out := zeros(in.shape[0], in.shape[1], w.out[0], w.out[1])
	for i := range out.data {
		column, row, image := i%w.out[1], i/w.out[1]%w.out[0], i/w.out[1]/w.out[0]
		most, sum, count := math.Inf(-1), 0.0, 0
		w.taps(in, row, column, func(_, pixel int) {
			v := in.data[image*pixels+pixel]
			most, sum, count = max(most, v), sum+v, count+1
		})
		if a.int("count_include_pad", 0) == 1 {
			count = w.kernel[0] * w.kernel[1]
		}
		out.data[i] = sum / float64(count)
		if largest {
			out.data[i] = most
		}
	}
	return out
}
