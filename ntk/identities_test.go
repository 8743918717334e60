package ntk

import (
	"math"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/philox"

	"gonum.org/v1/gonum/mat"
)

// The kernel identities of the two cases of docs/method.md: the kernel of γ against that of the weights.

// network is a program of 1×1 convolutions on single pixels. Its weights are drawn from N(0, 1/fan-in). The frozen
// statistics are 0 and 1. The images are two unit vectors of correlation rho.
type network struct {
	e      kernels.Exec
	store  kernels.Store
	images []float32
}

const caseWidth = 64 // of the images; their directions are random

// newNetwork builds image → conv → BN → (ReLU → conv →) ReLU → linear with one output. The linear weights are ±1/√C; the
// back-propagated factor F is then 1.
func newNetwork(t *testing.T, width int, deep bool, rho float64, seed uint64) *network {
	t.Helper()
	value := func(name string, c int) kernels.Value {
		return kernels.Value{Name: name, Shape: kernels.Shape{C: c, H: 1, W: 1}}
	}
	one := kernels.Window{Kernel: 1, Stride: 1, Dilation: 1}
	params := []kernels.Param{
		{Name: "conv", Kind: kernels.ConvWeight, Shape: []int{width, caseWidth, 1, 1}},
		{Name: "gamma", Kind: kernels.Gamma, Shape: []int{width}},
		{Name: "beta", Kind: kernels.Beta, Shape: []int{width}},
		{Name: "linear", Kind: kernels.LinearWeight, Shape: []int{1, width}},
	}
	if deep {
		params = append(params, kernels.Param{Name: "next", Kind: kernels.ConvWeight, Shape: []int{width, width, 1, 1}})
	}
	node := func(name string, c int, terms ...kernels.Term) kernels.Node {
		return kernels.Node{Name: name, Shape: kernels.Shape{C: c, H: 1, W: 1}, Terms: terms}
	}
	conv := func(name string, in kernels.NodeID, w kernels.ParamID, out kernels.ValueID) kernels.Step {
		return kernels.Step{Name: name, Op: kernels.OpConv, In: []kernels.NodeID{in}, Window: one, Groups: 1,
			Branches: []kernels.Branch{{Weight: w, Out: out}}, Weight: kernels.NoParam, Bias: kernels.NoParam}
	}
	p := &kernels.Program{
		Name:   "case",
		Values: []kernels.Value{value("images", caseWidth), value("h", width)},
		BNs:    []kernels.BN{{Name: "bn", Value: 1, Gamma: 1, Beta: 2, Eps: 1e-12}},
		Nodes:  []kernels.Node{node("x", caseWidth, kernels.Term{Value: 0, BN: kernels.NoBN}), node("a", width, kernels.Term{Value: 1, BN: 0})},
		Steps:  []kernels.Step{conv("conv", 0, 0, 1)},
	}
	last := kernels.NodeID(1)
	if deep {
		p.Values = append(p.Values, value("next", width))
		p.Nodes = append(p.Nodes, node("next", width, kernels.Term{Value: 2, BN: kernels.NoBN}))
		p.Steps = append(p.Steps, conv("next", 1, 4, 2))
		last = 2
	}
	// A rectified 1×1 average is the rectifier alone; the classifier reads it as it is.
	p.Values = append(p.Values, value("u", width), value("f", 1))
	n := kernels.ValueID(len(p.Values))
	p.Nodes = append(p.Nodes, node("u", width, kernels.Term{Value: n - 2, BN: kernels.NoBN}))
	p.Steps = append(p.Steps,
		kernels.Step{Name: "relu", Op: kernels.OpGlobalAvg, In: []kernels.NodeID{last}, Act: kernels.ReLU, ReLUs: 1, Out: n - 2, Weight: kernels.NoParam, Bias: kernels.NoParam},
		kernels.Step{Name: "linear", Op: kernels.OpLinear, In: []kernels.NodeID{last + 1}, Out: n - 1, Weight: 3, Bias: kernels.NoParam})

	dev := ref.New()
	t.Cleanup(func() { dev.Close() })
	store, err := dev.NewStore(params)
	if err != nil {
		t.Fatal(err)
	}
	draw := func(id kernels.ParamID, sigma float64) {
		v := make([]float32, params[id].Len())
		philox.New(seed, params[id].Name, 0).Normal(v, sigma)
		if err := store.Write(kernels.Data, v, id); err != nil {
			t.Fatal(err)
		}
	}
	draw(0, 1) // images have length 1
	if deep {
		draw(4, 1/math.Sqrt(float64(width)))
	}
	gamma, linear := make([]float32, width), make([]float32, width)
	philox.New(seed, "read-out", 0).Rademacher(linear)
	for c := range gamma {
		gamma[c] = 1
		linear[c] /= float32(math.Sqrt(float64(width)))
	}
	for id, v := range map[kernels.ParamID][]float32{1: gamma, 2: make([]float32, width), 3: linear} {
		if err := store.Write(kernels.Data, v, id); err != nil {
			t.Fatal(err)
		}
	}
	e, err := dev.Compile(p, store, 2)
	if err != nil {
		t.Fatal(err)
	}
	mean, variance := make([]float64, width), make([]float64, width)
	for c := range variance {
		variance[c] = 1
	}
	if err := e.SetStatistics(mean, variance); err != nil {
		t.Fatal(err)
	}
	images := make([]float32, 2*caseWidth)
	images[0] = 1
	images[caseWidth], images[caseWidth+1] = float32(rho), float32(math.Sqrt(1-rho*rho))
	return &network{e, store, images}
}

// kernels returns the off-diagonal entries Θ_γ, Θ_β and σ_w²Θ_W of the first layer.
func (n *network) kernels(t *testing.T, width int) (gamma, beta, weight float64) {
	t.Helper()
	if err := n.e.Forward(n.images, 0); err != nil {
		t.Fatal(err)
	}
	j := make([]float32, 2*n.e.Program().BNParams())
	if err := Jacobian(j, n.e, 2, []float32{1}); err != nil {
		t.Fatal(err)
	}
	onGamma := make([]float64, 2*width)
	onBeta := make([]float64, 2*width)
	for c := range width {
		onGamma[c], onBeta[width+c] = 1, 1
	}
	off := func(columns []float64) float64 {
		k := mat.NewSymDense(2, nil)
		AddKernel(k, j, columns)
		return k.At(0, 1)
	}
	gamma, beta = off(onGamma), off(onBeta)
	var grads [2][]float32
	for i := range grads {
		if err := n.e.Forward(n.images[i*caseWidth:(i+1)*caseWidth], 0); err != nil {
			t.Fatal(err)
		}
		if err := n.e.SetLogitGradient([]float32{1}); err != nil {
			t.Fatal(err)
		}
		if err := n.e.Backward(kernels.FreezeStatistics, true); err != nil {
			t.Fatal(err)
		}
		grads[i] = make([]float32, n.store.Params()[0].Len())
		if err := n.store.Read(kernels.Grad, grads[i], 0); err != nil {
			t.Fatal(err)
		}
	}
	for k, v := range grads[0] {
		weight += float64(v) * float64(grads[1][k])
	}
	return gamma, beta, weight
}

// Case A: a rectifier right after BatchNorm. Θ_γ = κ₁(ρ), Θ_β = κ₀(ρ), σ_w²Θ_W = ρκ₀(ρ), with F = 1.
func TestKernelIdentityAfterAReLU(t *testing.T) {
	const rho, width = .6, 20000
	angle := math.Pi - math.Acos(rho)
	kappa1 := (math.Sqrt(1-rho*rho) + angle*rho) / (2 * math.Pi)
	kappa0 := angle / (2 * math.Pi)
	for name, c := range map[string][2]float64{"κ₁": {kappa1, .339}, "κ₀": {kappa0, .352}, "ρκ₀": {rho * kappa0, .211}} {
		if !(math.Abs(c[0]-c[1]) <= 5e-4) {
			t.Errorf("%s(.6) = %v, want %v", name, c[0], c[1])
		}
	}
	gamma, beta, weight := newNetwork(t, width, false, rho, 1).kernels(t, width)
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"Θ_γ", gamma, kappa1}, {"Θ_β", beta, kappa0}, {"σ_w²Θ_W", weight, rho * kappa0},
		{"Θ_γ − σ_w²Θ_W", gamma - weight, math.Sqrt(1-rho*rho) / (2 * math.Pi)},
	} {
		if !(math.Abs(c.got-c.want) <= .015) { // 3 standard errors: a summand's deviation is at most .7
			t.Errorf("%s = %.4f, theory %.4f", c.name, c.got, c.want)
		}
	}
}

// Case B: nothing non-linear right after BatchNorm. Θ_γ = σ_w²Θ_W in the mean, and the deviation falls as C^-½.
func TestKernelIdentityWithoutAReLU(t *testing.T) {
	const rho, draws = .6, 24
	var deviation [2]float64
	for i, width := range []int{16, 256} {
		var gammas, weights float64
		for seed := range uint64(draws) {
			gamma, _, weight := newNetwork(t, width, true, rho, seed).kernels(t, width)
			gammas += gamma / draws
			weights += weight / draws
			deviation[i] += (gamma - weight) * (gamma - weight) / draws
		}
		// F is the κ₀ of the rectifier behind, the same for both; their means are within 3 standard errors.
		if bound := 3 * math.Sqrt(deviation[i]/draws); !(math.Abs(gammas-weights) <= bound) {
			t.Errorf("C = %d: mean Θ_γ %.4f, mean σ_w²Θ_W %.4f, more than %.4f apart", width, gammas, weights, bound)
		}
	}
	if fall := math.Sqrt(deviation[0] / deviation[1]); !(fall >= 4/1.7 && fall <= 4*1.7) {
		t.Errorf("16 times the width: the deviation falls by %.2f, theory 4", fall)
	}
}
