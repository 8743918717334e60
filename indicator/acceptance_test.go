package indicator

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/ntk"
	"bnas.example/philox"
	"bnas.example/rank"
	"bnas.example/supernet"
)

// The acceptance tests of the method, by its numbers. Those of NAS-Bench tables need BNAS_BENCHMARKS, the folder with
// nasbench201_cifar10.csv and nasbench_macro_cifar10.csv.

func table(t *testing.T, file string) *Truth {
	t.Helper()
	folder := os.Getenv("BNAS_BENCHMARKS")
	if folder == "" {
		t.Skip("BNAS_BENCHMARKS is not set: the ground-truth tables are not part of the project")
	}
	f, err := os.Open(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	truth, err := ReadTruth(f, file, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return truth
}

// 5: what counting convolutions and parameters gives, on the table's last column: .578 (.577 for 9·c3+c1).
func TestAcceptance5CountsOnNASBench201(t *testing.T) {
	truth := table(t, "nasbench201_cifar10.csv")
	net, err := supernet.New(supernet.Config{Space: "nas-bench-201"})
	if err != nil {
		t.Fatal(err)
	}
	conv, err := convolves(net)
	if err != nil {
		t.Fatal(err)
	}
	var convs, params []float64
	dead, best, worst := 0, math.Inf(-1), math.Inf(1)
	for i, text := range truth.Arch {
		a, err := net.Space.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		e := &evidence{Scorer: &Scorer{convolves: conv}, arch: a, cost: net.Space.Cost(a, net.Config)}
		convs, params = append(convs, countConvs(e)), append(params, countParams(e))
		if !net.Space.Alive(a) {
			dead++
		}
		best, worst = math.Max(best, truth.Accuracy[i]), math.Min(worst, truth.Accuracy[i])
	}
	if len(truth.Arch) != 15625 || dead != 341 || best != 94.3733 || worst != 10 {
		t.Errorf("%d rows, %d dead, accuracies from %v to %v", len(truth.Arch), dead, worst, best)
	}
	if tau := rank.KendallTauB(params, truth.Accuracy); math.Abs(tau-.578) > 5e-4 {
		t.Errorf("τ_b of params %.4f, want .578", tau)
	}
	if tau := rank.KendallTauB(convs, truth.Accuracy); math.Abs(tau-.580) > 2.5e-3 {
		t.Errorf("τ_b of convs %.4f, want .580 (per-seed table) or .578", tau)
	}
}

func TestAcceptance5Macro(t *testing.T) {
	truth := table(t, "nasbench_macro_cifar10.csv")
	top := rank.TopK(truth.Accuracy, truth.Accuracy, 1)
	if len(truth.Arch) != 6561 || math.Abs(top.Best-93.127) > 1e-3 {
		t.Errorf("%d rows, best %v", len(truth.Arch), top.Best)
	}
	if v, ok := truth.Of("00000000"); !ok || math.Abs(v-45.363) > 1e-3 {
		t.Errorf("00000000: %v", v)
	}
}

// network is a program of 1×1 convolutions on single pixels, its weights drawn N(0, 1/fan-in), BatchNorm statistics
// held at 0 and 1, for two unit vectors of correlation rho as images.
type network struct {
	e      kernels.Exec
	store  kernels.Store
	images []float32
}

const caseWidth = 64 // of the images, so that they are drawn, not chosen, directions

// newNetwork builds image → conv → BN → (ReLU → conv →) ReLU → linear with one output; the linear weights are
// ±1/√C, its gradient the back-propagated factor F of 1.
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
		if err := store.Write(id, kernels.Data, v); err != nil {
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
		if err := store.Write(id, kernels.Data, v); err != nil {
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

// kernels are the off-diagonal entries Θ_γ, Θ_β and σ_w²Θ_W of the first layer.
func (n *network) kernels(t *testing.T, width int) (gamma, beta, weight float64) {
	t.Helper()
	if err := n.e.Forward(n.images, 0); err != nil {
		t.Fatal(err)
	}
	j, err := ntk.Jacobian(n.e, 2, []float32{1})
	if err != nil {
		t.Fatal(err)
	}
	onGamma := make([]float64, 2*width)
	onBeta := make([]float64, 2*width)
	for c := range width {
		onGamma[c], onBeta[width+c] = 1, 1
	}
	off := func(columns []float64) float64 {
		k, err := ntk.Kernel(j, columns)
		if err != nil {
			t.Fatal(err)
		}
		return k.Data().([]float64)[1]
	}
	gamma, beta = off(onGamma), off(onBeta)
	var grads [2][]float64
	for i := range grads {
		if err := n.e.Forward(n.images[i*caseWidth:(i+1)*caseWidth], 0); err != nil {
			t.Fatal(err)
		}
		if err := n.e.SetLogitGradient([]float32{1}); err != nil {
			t.Fatal(err)
		}
		if err := n.e.Backward(kernels.HoldStatistics, true); err != nil {
			t.Fatal(err)
		}
		if grads[i], err = readParam(n.store, 0, kernels.Grad); err != nil {
			t.Fatal(err)
		}
	}
	for k, v := range grads[0] {
		weight += v * grads[1][k]
	}
	return gamma, beta, weight
}

// 6, case A: a rectifier right after BatchNorm. Θ_γ = κ₁(ρ), Θ_β = κ₀(ρ), σ_w²Θ_W = ρκ₀(ρ), with F = 1.
func TestAcceptance6CaseA(t *testing.T) {
	const rho, width = .6, 20000
	angle := math.Pi - math.Acos(rho)
	kappa1 := (math.Sqrt(1-rho*rho) + angle*rho) / (2 * math.Pi)
	kappa0 := angle / (2 * math.Pi)
	for name, c := range map[string][2]float64{"κ₁": {kappa1, .339}, "κ₀": {kappa0, .352}, "ρκ₀": {rho * kappa0, .211}} {
		if math.Abs(c[0]-c[1]) > 5e-4 {
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
		if math.Abs(c.got-c.want) > .015 { // 3 standard errors: a summand's deviation is at most .7
			t.Errorf("%s = %.4f, theory %.4f", c.name, c.got, c.want)
		}
	}
}

// 6, case B: nothing non-linear right after BatchNorm. Θ_γ = σ_w²Θ_W in the mean, and the deviation falls as C^-½.
func TestAcceptance6CaseB(t *testing.T) {
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
		if bound := 3 * math.Sqrt(deviation[i]/draws); math.Abs(gammas-weights) > bound {
			t.Errorf("C = %d: mean Θ_γ %.4f, mean σ_w²Θ_W %.4f, more than %.4f apart", width, gammas, weights, bound)
		}
	}
	if fall := math.Sqrt(deviation[0] / deviation[1]); fall < 4/1.7 || fall > 4*1.7 {
		t.Errorf("16 times the width: the deviation falls by %.2f, theory 4", fall)
	}
}

// 8: with the queries among the batch and one batch, MC-BatchNorm is a forward pass in training mode.
func TestAcceptance8MCBatchNormIsTrainMode(t *testing.T) {
	b := newBench(t, supernet.Fair, true)
	p, err := b.net.Program(b.arch(t, mixed))
	if err != nil {
		t.Fatal(err)
	}
	const batch, queries = 8, 3
	e, err := b.dev.Compile(p, b.store, batch+queries)
	if err != nil {
		t.Fatal(err)
	}
	images := b.in.Images.Data().([]float32)[:batch*3*8*8]
	train, mc := make([]float32, batch*4), make([]float32, (batch+queries)*4)
	if err := e.Forward(images, batch); err != nil {
		t.Fatal(err)
	}
	if err := e.Logits(train); err != nil {
		t.Fatal(err)
	}
	if err := e.Forward(append(append([]float32(nil), images...), images[:queries*3*8*8]...), batch); err != nil {
		t.Fatal(err)
	}
	if err := e.Logits(mc); err != nil {
		t.Fatal(err)
	}
	for i, want := range train[:queries*4] {
		if got := mc[batch*4+i]; got != want {
			t.Errorf("query %d, class %d: %v, in training mode %v", i/4, i%4, got, want)
		}
	}
}

// 9: two identical images have one code, the determinant is 0 and the network last.
func TestAcceptance9IdenticalImages(t *testing.T) {
	b := newBench(t, supernet.Fair, true)
	before := b.score(t, mixed)
	data := b.in.Images.Data().([]float32)
	copy(data[4*3*8*8:5*3*8*8], data[:3*8*8])
	got := b.must(t, b.scorer(t, small), mixed)
	for _, name := range []string{"naswot", "naswot_norm"} {
		if v := named(got)[name]; !math.IsInf(v, -1) || math.IsInf(before[name], -1) {
			t.Errorf("%s is %v, with different images %v", name, v, before[name])
		}
	}
	other := got
	other.Values = append([]float64(nil), got.Values...)
	i, err := termIndex("naswot")
	if err != nil {
		t.Fatal(err)
	}
	other.Values[i] = -1e9
	calibration, err := NewCalibration([]Scores{got, other})
	if err != nil {
		t.Fatal(err)
	}
	c, err := LookupComposite("naswot")
	if err != nil {
		t.Fatal(err)
	}
	if last, low := c.Fuse(calibration, got), c.Fuse(calibration, other); !(last < low) {
		t.Errorf("identical images fuse to %v, a low score to %v", last, low)
	}
}
