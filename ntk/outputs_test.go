package ntk

import (
	"errors"
	"math"
	"slices"
	"testing"

	"bnas.example/kernels"
	"bnas.example/philox"

	"gonum.org/v1/gonum/mat"
)

// groups returns the parameters of a program: γ and β of its BatchNorms, and the others.
func groups(p *kernels.Program) [][]kernels.ParamID {
	var others []kernels.ParamID
	for _, s := range p.Steps {
		for _, b := range s.Branches {
			others = append(others, b.Weight)
		}
	}
	for _, c := range p.Classifiers() {
		others = append(others, c.Weight, c.Bias)
	}
	return [][]kernels.ParamID{p.Affine(), others}
}

// few is newPath with so many images, compiled.
func few(t *testing.T, images int) (path, kernels.Exec) {
	t.Helper()
	p := newPath(t, 5)
	p.images = p.images[:images*p.program.Values[kernels.Images].Len()]
	e, err := p.dev.Compile(p.program, p.now, images)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Forward(p.images, images); err != nil {
		t.Fatal(err)
	}
	return p, e
}

func sum(a, b mat.Symmetric) *mat.SymDense {
	out := mat.NewSymDense(a.SymmetricDim(), nil)
	out.AddSym(a, b)
	return out
}

func near(t *testing.T, what string, got, want mat.Symmetric, most float64) {
	t.Helper()
	if d, err := Drift(got, want); err != nil || !(d <= most) {
		t.Errorf("%s differs by %v of it, %v", what, d, err)
	}
}

// With frozen statistics the kernel of γ and β, summed over the logits, is that of the per-sample gradients.
func TestOutputKernelsSumToTheTrace(t *testing.T) {
	p, e := few(t, 3)
	k, err := OutputKernels(e, p.now, p.images, kernels.FreezeStatistics, p.program.Affine())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Forward(p.images, 0); err != nil {
		t.Fatal(err)
	}
	want, err := Trace(e, 3)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Σ_k of the outputs' kernel", TraceOutputs(k[0], p.program.Classes()), want, 1e-5)
}

// The Jacobian of few parameters at a time gives the same kernels, and those of the groups add up.
func TestOutputKernelsByParts(t *testing.T) {
	p, e := few(t, 2)
	g := groups(p.program)
	counted := &countedExec{Exec: e}
	split, err := outputKernels(counted, p.now, p.images, kernels.DifferentiateStatistics, g, 2*3*200)
	if err != nil {
		t.Fatal(err)
	}
	// A Jacobian has a row for each of 3 logits of 2 images: 200 parameters fit, and each part runs the images once.
	if want := len(parts(p.now.Params(), g, 200)); counted.forwards != want || want < 3 {
		t.Errorf("%d parts, want %d", counted.forwards, want)
	}
	whole, err := OutputKernels(e, p.now, p.images, kernels.DifferentiateStatistics, slices.Concat(g...))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the sum of the groups' kernels", sum(split[0], split[1]), whole[0], 1e-12)
}

type countedExec struct {
	kernels.Exec
	forwards int
}

func (e *countedExec) Forward(images []float32, rows int) error {
	e.forwards++
	return e.Exec.Forward(images, rows)
}

func TestParts(t *testing.T) {
	params := make([]kernels.Param, 5)
	for i, size := range []int{3, 4, 20, 3, 2} {
		params[i] = kernels.Param{Kind: kernels.Gamma, Shape: []int{size}}
	}
	params[2].Kind = kernels.ConvWeight
	got := parts(params, [][]kernels.ParamID{{0, 1}, {3, 2, 4}}, 10)
	want := []part{
		{ids: []kernels.ParamID{0, 1, 3}, width: 10, columns: []columns{{0, 0, 7}, {1, 7, 10}}},
		{ids: []kernels.ParamID{2}, width: 20, weights: true, columns: []columns{{1, 0, 20}}},
		{ids: []kernels.ParamID{4}, width: 2, columns: []columns{{1, 0, 2}}},
	}
	if !slices.EqualFunc(got, want, func(a, b part) bool {
		return slices.Equal(a.ids, b.ids) && a.width == b.width && a.weights == b.weights && slices.Equal(a.columns, b.columns)
	}) {
		t.Errorf("parts %+v, want %+v", got, want)
	}
}

// A step θ ∓ h·Jᵀv changes the outputs by ∓h·Θv: the kernel against central differences, for both kinds of statistics.
func TestOutputKernelsByFiniteDifferences(t *testing.T) {
	for _, how := range []kernels.StatGrad{kernels.DifferentiateStatistics, kernels.FreezeStatistics} {
		p, e := few(t, 3)
		rows := 3 * p.program.Classes()
		for name, ids := range map[string][]kernels.ParamID{"γ, β": groups(p.program)[0], "weights": groups(p.program)[1]} {
			k, err := OutputKernels(e, p.now, p.images, how, ids)
			if err != nil {
				t.Fatal(err)
			}
			top, err := Eigenvalues(k[0])
			if err != nil {
				t.Fatal(err)
			}
			h := 2e-3 / top[rows-1]
			v := make([]float32, rows)
			philox.New(1, "v", 0).Normal(v, 1)
			statRows := map[kernels.StatGrad]int{kernels.DifferentiateStatistics: 3}[how]
			seed := func() error {
				return errors.Join(e.Forward(p.images, statRows), e.SetLogitGradient(v), e.Backward(how, true))
			}
			at := func(rate float64) []float32 {
				f := make([]float32, rows)
				if _, err := p.now.Update(kernels.Update{Kind: kernels.SGD, LR: rate}, ids); err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(e.Forward(p.images, statRows), e.Logits(f)); err != nil {
					t.Fatal(err)
				}
				return f
			}
			if err := seed(); err != nil {
				t.Fatal(err)
			}
			// Both steps are along one gradient: an update of −2h needs its negative.
			down := at(h)
			for i := range v {
				v[i] = -v[i]
			}
			if err := restore(p, ids); err != nil {
				t.Fatal(err)
			}
			if err := seed(); err != nil {
				t.Fatal(err)
			}
			up := at(h)
			if err := restore(p, ids); err != nil {
				t.Fatal(err)
			}
			var missed, size float64
			for i := range rows {
				var want float64
				for j := range rows {
					want -= 2 * h * k[0].At(i, j) * float64(v[j])
				}
				d := float64(down[i]) - float64(up[i])
				missed += (d + want) * (d + want)
				size += want * want
			}
			if relative := math.Sqrt(missed / size); !(relative < .02) {
				t.Errorf("statistics %d, %s: Θv differs from the outputs' change by %v of it", how, name, relative)
			}
		}
	}
}

// restore gives ids of the second store the values of the first.
func restore(p path, ids []kernels.ParamID) error {
	v := make([]float32, kernels.Elements(p.now.Params(), ids))
	return errors.Join(p.start.Read(kernels.Data, v, ids...), p.now.Write(kernels.Data, v, ids...))
}
