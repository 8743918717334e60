package indicator

import (
	"math"
	"testing"

	"bnas.example/kernels"
	"bnas.example/philox"
	"bnas.example/supernet"

	"gonum.org/v1/gonum/mat"
)

// TestNTKByFiniteDifferences compares the kernels with finite differences of the logits, one parameter at a time, with
// frozen statistics.
func TestNTKByFiniteDifferences(t *testing.T) {
	q := newProbed(t, supernet.Fair)
	got := q.got
	images, n, h := small.NTKImages*small.NTKBatches, small.NTKImages, float32(1e-2)
	v := directions(4, small.Directions, small.Seed)
	node := q.p.NodeOf()
	columns := make([][][]float64, len(q.p.Nodes)) // by node: a column for each parameter and direction
	norm, count := make([]float64, len(q.p.Nodes)), make([]float64, len(q.p.Nodes))
	first := mat.NewDense(images*small.Directions, 2*len(q.p.BNs), nil) // the parameters of the first channels, by image and direction
	logits := func() []float32 {
		q.forward(t, images, 0)
		f := make([]float32, images*4)
		if err := q.e.Logits(f); err != nil {
			t.Fatal(err)
		}
		return f
	}
	for i, bn := range q.p.BNs {
		for k, id := range []kernels.ParamID{bn.Gamma, bn.Beta} {
			theta := q.read(t, id, kernels.Data)
			for c, was := range theta {
				norm[node[i]] += float64(was) * float64(was)
				count[node[i]]++
				theta[c] = was + h
				q.write(t, id, theta)
				up, step := logits(), float64(theta[c])
				theta[c] = was - h
				q.write(t, id, theta)
				down := logits()
				step -= float64(theta[c])
				theta[c] = was
				q.write(t, id, theta)
				for r, d := range v {
					column := make([]float64, images)
					for x := range column {
						for class := range d {
							column[x] += float64(d[class]) * float64(up[x*4+class]-down[x*4+class]) / step
						}
						if c == 0 {
							first.Set(r*images+x, 2*i+k, column[x])
						}
					}
					columns[node[i]] = append(columns[node[i]], column)
				}
			}
		}
	}
	for _, c := range []struct {
		name  string
		gauge bool
	}{{"ntk", false}, {"ntk_gauge", true}} {
		var want float64
		for b := range small.NTKBatches {
			theta := mat.NewSymDense(n, nil)
			for v := range columns {
				for _, column := range columns[v] {
					weight := 1.0
					if c.gauge {
						weight = norm[v] / count[v]
					}
					theta.SymRankOne(theta, weight, mat.NewVecDense(n, column[b*n:(b+1)*n]))
				}
			}
			want -= math.Log(mat.Cond(theta, 2)) / float64(small.NTKBatches)
		}
		near(t, c.name, got[c.name], want, 2e-3)
	}

	whole, fisher := mat.NewSymDense(images, nil), mat.NewSymDense(2*len(q.p.BNs), nil)
	first.Apply(func(_, k int, g float64) float64 { return g * math.Sqrt(norm[node[k/2]]/count[node[k/2]]) }, first)
	fisher.SymOuterK(1, first.T())
	for v := range columns {
		for _, column := range columns[v] {
			whole.SymRankOne(whole, norm[v]/count[v], mat.NewVecDense(images, column))
		}
	}
	near(t, "ntk_corr", got["ntk_corr"], volume(whole), 2e-3)
	near(t, "fisher_dim", got["fisher_dim"], effectiveDimension(fisher), 1e-2) // differences perturb its small eigenvalues
}

// volume is log det(R + 1e-3·I) of the correlation matrix R of g.
func volume(g *mat.SymDense) float64 {
	n := g.SymmetricDim()
	r := mat.NewSymDense(n, nil)
	for i := range n {
		for k := i; k < n; k++ {
			r.SetSym(i, k, g.At(i, k)/math.Sqrt(g.At(i, i)*g.At(k, k)))
		}
		r.SetSym(i, i, r.At(i, i)+1e-3)
	}
	det, _ := mat.LogDet(r)
	return det
}

// effectiveDimension is tr F(F + 1e-4·λ_max·I)⁻¹.
func effectiveDimension(f *mat.SymDense) float64 {
	n := f.SymmetricDim()
	ridged := mat.NewSymDense(n, nil)
	ridged.CopySym(f)
	for i := range n {
		ridged.SetSym(i, i, ridged.At(i, i)+1e-4*mat.Norm(f, 2))
	}
	var inverse, product mat.Dense
	if err := inverse.Inverse(ridged); err != nil {
		panic(err)
	}
	product.Mul(f, &inverse)
	return mat.Trace(&product)
}

// bn_snip against finite differences of the loss, with batch statistics.
func TestBNSnipByFiniteDifferences(t *testing.T) {
	q := newProbed(t, supernet.Standard)
	got := q.got
	loss := func() float64 {
		q.forward(t, small.Images, small.Images)
		if err := q.e.CrossEntropy(q.in.Labels[:small.Images], 0); err != nil {
			t.Fatal(err)
		}
		l, correct, err := q.e.Loss()
		if err != nil {
			t.Fatal(err)
		}
		near(t, "one_shot_accuracy", got["one_shot_accuracy"], float64(correct)/float64(small.Images), .2)
		return l
	}
	near(t, "one_shot_nll", got["one_shot_nll"], -loss(), 1e-9)
	var want float64
	for _, bn := range q.p.BNs {
		for _, id := range []kernels.ParamID{bn.Gamma, bn.Beta} {
			theta := q.read(t, id, kernels.Data)
			for c, was := range theta {
				theta[c] = was + 1e-2
				q.write(t, id, theta)
				up, step := loss(), float64(theta[c])
				theta[c] = was - 1e-2
				q.write(t, id, theta)
				down := loss()
				step -= float64(theta[c])
				theta[c] = was
				q.write(t, id, theta)
				want += math.Abs(float64(was) * (up - down) / step)
			}
		}
	}
	near(t, "bn_snip", got["bn_snip"], want, 2e-2)
}

// isometry against the direct computation of AZ-NAS: the mean of the outer products over pixels, then an SVD.
func TestIsometry(t *testing.T) {
	q := newProbed(t, supernet.Fair)
	got := q.got
	n := small.NTKImages * small.NTKBatches
	q.forward(t, n, 0)
	s := q.scorer(t, small)
	var want, even float64
	for _, b := range q.p.Blocks {
		in, out := q.p.Nodes[b.In].Shape, q.p.Nodes[b.Out].Shape
		probe, back := s.rademacher(out), make([]float32, n*in.Len())
		if err := q.e.NodeGradient(back, b.In, probe, b.Out); err != nil {
			t.Fatal(err)
		}
		f := in.H / out.H
		m := mat.NewDense(in.C*f*f, out.C, nil)
		for i := range n {
			for y := range out.H {
				for x := range out.W {
					for a := range in.C * f * f {
						c, dy, dx := a/(f*f), a/f%f, a%f
						g := back[((i*in.C+c)*in.H+y*f+dy)*in.W+x*f+dx]
						for o := range out.C {
							m.Set(a, o, m.At(a, o)+float64(g)*float64(probe[((i*out.C+o)*out.H+y)*out.W+x])/float64(n*out.H*out.W))
						}
					}
				}
			}
		}
		var svd mat.SVD
		if !svd.Factorize(m, mat.SVDNone) {
			t.Fatal("no SVD")
		}
		values := svd.Values(nil)
		top := values[0]
		want += (2 - top - 1/(top+1e-6)) / float64(len(q.p.Blocks))
		var squares float64
		for _, v := range values {
			squares += v * v
		}
		for _, v := range values {
			even -= v * v / squares * math.Log(v*v/squares) / math.Log(float64(out.C)) / float64(len(q.p.Blocks))
		}
	}
	near(t, "isometry", got["isometry"], want, 1e-6)
	near(t, "isometry_even", got["isometry_even"], even, 1e-6)
	skip := newBench(t, supernet.Standard, false)
	if v := skip.score(t, "|skip_connect~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|")["isometry"]; !math.IsInf(v, -1) {
		t.Errorf("identity cells: %v", v)
	}
}

// jacobian_corr by its formula: the gradients are read one image at a time.
func TestJacobianCorr(t *testing.T) {
	q := newProbed(t, supernet.Fair)
	n := small.NTKImages * small.NTKBatches
	q.forward(t, n, 0)
	blocks := q.p.Blocks
	to, from := blocks[0].In, blocks[len(blocks)-1].Out
	in, out := q.p.Nodes[to].Shape, q.p.Nodes[from].Shape
	signs := make([]float32, out.C)
	philox.New(small.Seed, "read-out", uint64(out.C)).Rademacher(signs)
	gradients := mat.NewDense(n, in.Len(), nil)
	for i := range n {
		seed := make([]float32, n*out.Len())
		for c := range out.C {
			for k := range out.H * out.W {
				seed[i*out.Len()+c*out.H*out.W+k] = signs[c] / float32(out.H*out.W)
			}
		}
		back := make([]float32, n*in.Len())
		if err := q.e.NodeGradient(back, to, seed, from); err != nil {
			t.Fatal(err)
		}
		for k, v := range back[i*in.Len() : (i+1)*in.Len()] {
			gradients.Set(i, k, float64(v))
		}
	}
	var g mat.SymDense
	g.SymOuterK(1, gradients)
	near(t, "jacobian_corr", q.got["jacobian_corr"], volume(&g), 1e-4)
}

// The volume of vectors at known angles.
func TestLogVolume(t *testing.T) {
	for _, c := range []struct {
		name string
		gram []float64
		want float64
	}{
		{"orthogonal, of any length", []float64{4, 0, 0, 9}, 2 * math.Log(1.001)},
		{"parallel", []float64{4, 6, 6, 9}, math.Log(2.001) + math.Log(1e-3)},
		{"60 degrees", []float64{1, .5, .5, 1}, math.Log(1.501) + math.Log(.501)},
		{"one of length zero", []float64{0, 0, 0, 1}, math.Log(1e-3) + math.Log(1.001)},
	} {
		got, err := logVolume(mat.NewSymDense(2, c.gram))
		if err != nil || !(math.Abs(got-c.want) <= 1e-12) {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}
