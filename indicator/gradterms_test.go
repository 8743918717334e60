package indicator

import (
	"math"
	"testing"

	"bnas.example/kernels"
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
	logits := func() []float32 {
		q.forward(t, images, 0)
		f := make([]float32, images*4)
		if err := q.e.Logits(f); err != nil {
			t.Fatal(err)
		}
		return f
	}
	for i, bn := range q.p.BNs {
		for _, id := range []kernels.ParamID{bn.Gamma, bn.Beta} {
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
				for _, d := range v {
					column := make([]float64, images)
					for x := range column {
						for k := range d {
							column[x] += float64(d[k]) * float64(up[x*4+k]-down[x*4+k]) / step
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
	var want float64
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
		s := svd.Values(nil)[0]
		want += (2 - s - 1/(s+1e-6)) / float64(len(q.p.Blocks))
	}
	near(t, "isometry", got["isometry"], want, 1e-6)
	skip := newBench(t, supernet.Standard, false)
	if v := skip.score(t, "|skip_connect~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|")["isometry"]; !math.IsInf(v, -1) {
		t.Errorf("identity cells: %v", v)
	}
}
