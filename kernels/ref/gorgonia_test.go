//go:build !race

// Gorgonia and what it imports take longer to compile for the race detector than all else, and have nothing for it to find.

package ref_test

import (
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"bnas.example/kernels"
	"bnas.example/philox"
)

func TestGorgonia(t *testing.T) {
	p, params := plain()
	r := philox.New(3, "gorgonia", 0)
	data := make([][]float32, len(params))
	for id := range params {
		data[id] = make([]float32, params[id].Len())
		r.Normal(data[id], 0.7)
	}
	x := make([]float32, images*p.Values[0].Len())
	r.Normal(x, 1)
	labels := []int{4, 0, 2}

	e := compile(t, p, params, data, images)
	must(t, e.Forward(x, images))
	must(t, e.CrossEntropy(labels, 0))
	must(t, e.Backward(kernels.DifferentiateStatistics, true))
	loss, _, err := e.Loss()
	must(t, err)

	wantLoss, grads := graph(t, params, data, x, labels)
	near(t, "loss", []float64{loss}, []float64{wantLoss})
	for id, want := range grads {
		near(t, "gradient of "+params[id].Name, e.Gradient(kernels.ParamID(id)), want)
	}
}

// graph is the same network in gorgonia: its loss and its parameters' gradients.
func graph(t *testing.T, params []kernels.Param, data [][]float32, x []float32, labels []int) (float64, [][]float64) {
	g := G.NewGraph()
	nodes := make(G.Nodes, len(params))
	for id, p := range params {
		shape := p.Shape
		if len(shape) == 1 { // gorgonia's γ and β are 1×C×1×1
			shape = []int{1, shape[0], 1, 1}
		}
		nodes[id] = input(g, p.Name, shape, data[id])
	}
	onehot := make([]float32, images*classes)
	for i, label := range labels {
		onehot[i*classes+label] = 1
	}
	h := input(g, "images", []int{images, 2, side, side}, x)
	h = convolve(h, nodes[0], nodes[1], nodes[2])
	h = G.Must(G.MaxPool2D(h, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
	h = convolve(h, nodes[3], nodes[4], nodes[5])
	h = G.Must(G.Reshape(h, tensor.Shape{images * channels, side * side / 4}))
	h = G.Must(G.Reshape(G.Must(G.Mean(h, 1)), tensor.Shape{images, channels}))
	logp := G.Must(G.Log(G.Must(G.SoftMax(G.Must(G.Mul(h, G.Must(G.Transpose(nodes[6])))), 1))))
	picked := G.Must(G.HadamardProd(logp, input(g, "labels", []int{images, classes}, onehot)))
	loss := G.Must(G.Div(G.Must(G.Neg(G.Must(G.Sum(picked)))), G.NewConstant(float64(images))))
	_, err := G.Grad(loss, nodes...)
	must(t, err)
	vm := G.NewTapeMachine(g, G.BindDualValues(nodes...))
	defer vm.Close()
	must(t, vm.RunAll())
	grads := make([][]float64, len(params))
	for id, n := range nodes {
		value, err := n.Grad()
		must(t, err)
		grads[id] = slices.Clone(value.Data().([]float64))
	}
	return loss.Value().Data().(float64), grads
}

func input(g *G.ExprGraph, name string, shape []int, data []float32) *G.Node {
	wide := make([]float64, len(data))
	for i, v := range data {
		wide[i] = float64(v)
	}
	return G.NewTensor(g, tensor.Float64, len(shape), G.WithShape(shape...), G.WithName(name),
		G.WithValue(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(wide))))
}

// convolve is convolution, BatchNorm, ReLU.
func convolve(x, weight, gamma, beta *G.Node) *G.Node {
	y := G.Must(G.Conv2d(x, weight, tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}))
	y, _, _, _, err := G.BatchNorm(y, gamma, beta, 0.1, 1e-5)
	return G.Must(G.Rectify(G.Must(y, err)))
}
