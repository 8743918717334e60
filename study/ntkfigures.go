package study

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"bnas.example/ntk"
	"bnas.example/supernet"
)

// seedEstimate is a mean over seeds with its interval by Student's t. Without a second seed the bounds are NaN.
type seedEstimate struct{ Value, Low, High float64 }

func (e seedEstimate) String() string {
	if math.IsNaN(e.Low) {
		return short(e.Value)
	}
	return fmt.Sprintf("%s [%s, %s]", short(e.Value), short(e.Low), short(e.High))
}

// short writes two decimals, or two digits of what is smaller.
func short(v float64) string {
	format := "%.2f"
	switch {
	case math.IsNaN(v):
		return "–"
	case math.Abs(v) < 0.1:
		format = "%.2g"
	}
	return strings.ReplaceAll(fmt.Sprintf(format, v), "-", "−")
}

// holds reports whether v is in the interval.
func (e seedEstimate) holds(v float64) bool { return e.Low <= v && v <= e.High }

func arithmetic(values []float64) seedEstimate {
	n := float64(len(values))
	if n < 2 {
		return seedEstimate{stat.Mean(values, nil), math.NaN(), math.NaN()}
	}
	mean, sd := stat.MeanStdDev(values, nil)
	half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile((1+level)/2) * sd / math.Sqrt(n)
	return seedEstimate{mean, mean - half, mean + half}
}

// geometric is the same of the logarithms: for positive values whose spread is in proportion to their size.
func geometric(values []float64) seedEstimate {
	logs := make([]float64, len(values))
	for i, v := range values {
		logs[i] = math.Log(v)
	}
	e := arithmetic(logs)
	return seedEstimate{math.Exp(e.Value), math.Exp(e.Low), math.Exp(e.High)}
}

// ofOne is the same of 1 − v: for alignments, which end at 1.
func ofOne(values []float64) seedEstimate {
	rest := make([]float64, len(values))
	for i, v := range values {
		rest[i] = 1 - v
	}
	e := geometric(rest)
	return seedEstimate{1 - e.Value, 1 - e.High, 1 - e.Low}
}

// tangents are the results of all cells of the study.
type tangents struct {
	Settings
	courses  map[courseCell]course
	pairs    map[pairCell][]pairFigures
	networks []course
	archs    []string // of networks
}

func readTangents(r *Results) (*tangents, error) {
	g := &tangents{Settings: r.Settings, courses: map[courseCell]course{}, pairs: map[pairCell][]pairFigures{}}
	var err error
	for _, c := range g.Settings.courses() {
		if g.courses[c], err = Result[course](r, c.name()); err != nil {
			return nil, err
		}
	}
	for _, c := range g.Settings.pairs() {
		if g.pairs[c], err = Result[[]pairFigures](r, c.name()); err != nil {
			return nil, err
		}
	}
	for _, c := range r.Cells[len(g.courses)+len(g.pairs):] {
		one, err := Result[course](r, c.Name)
		if err != nil {
			return nil, err
		}
		g.networks, g.archs = append(g.networks, one), append(g.archs, c.With.(tangentWith).Arch)
	}
	return g, nil
}

// at returns the state of a course after so many steps, one of those it was looked at, or where the loss had fallen by a third.
// It is nil if there is none.
func (c course) at(when string) *courseState {
	if when == thirdGone {
		return c.Third
	}
	for i, m := range c.Moments {
		if afterStep(m.Step) == when {
			return &c.Moments[i]
		}
	}
	return nil
}

// Moments of a course. afterStep names the others. largest is wherever a figure is largest: the theory bounds the supremum over steps. At
// the end of a long training two networks that have both fitted the targets are equal, whatever way they went.
const (
	atStart   = "start"
	thirdGone = "loss −⅓"
	largest   = "largest"
)

// most is the largest value of a figure after the start. It is NaN if the figure is so in every state.
func (c course) most(of func(courseState) float64) float64 {
	most := math.NaN()
	for _, s := range c.all() {
		if v := of(s.courseState); s.Step > 0 && !math.IsNaN(v) && !(v <= most) {
			most = v
		}
	}
	return most
}

// mostMissed is the largest ‖f_t − f_lin,t‖, relative to the longest way ‖f_t − f_0‖.
func (c course) mostMissed() float64 {
	var f, lin [][]float32
	for _, s := range c.all() {
		f, lin = append(f, s.Outputs), append(lin, s.Linear)
	}
	return mostApart(f, lin, c.Moments[0].Outputs)
}

// mostApart is the largest ‖a_t − b_t‖, relative to the longest way ‖a_t − start‖.
func mostApart(a, b [][]float32, start []float32) float64 {
	var apart, way float64
	for t := range a {
		apart = max(apart, floats.Distance(float64s(a[t]), float64s(b[t]), 2))
		way = max(way, floats.Distance(float64s(a[t]), float64s(start), 2))
	}
	return apart / way
}

// named is a state of a course and its name.
type named struct {
	when string
	courseState
}

// all lists the states of a course.
func (c course) all() (states []named) {
	for _, m := range c.Moments {
		states = append(states, named{afterStep(m.Step), m})
	}
	if c.Third != nil {
		states = append(states, named{thirdGone, *c.Third})
	}
	return states
}

func afterStep(step int) string { return fmt.Sprintf("step %d", step) }

// bySeed is a figure of each width and seed.
type bySeed func(width int, seed uint64) float64

// over lists a figure of one width over the seeds.
func (g *tangents) over(f bySeed, width int) []float64 {
	values := make([]float64, g.Seeds)
	for i, seed := range g.seeds() {
		values[i] = f(width, seed)
	}
	return values
}

// exponent is the a of f ∝ widthᵃ: that of each seed, then the mean. It is NaN where a figure is.
func (g *tangents) exponent(f bySeed) (seedEstimate, error) {
	var x []float64
	for _, w := range g.tangentWidths() {
		x = append(x, float64(w))
	}
	exponents := make([]float64, g.Seeds)
	for i, seed := range g.seeds() {
		var y []float64
		for _, w := range g.tangentWidths() {
			y = append(y, f(w, seed))
		}
		if slices.ContainsFunc(y, math.IsNaN) {
			return seedEstimate{math.NaN(), math.NaN(), math.NaN()}, nil
		}
		var err error
		if exponents[i], err = ntk.Exponent(x, y); err != nil {
			return seedEstimate{}, err
		}
	}
	return arithmetic(exponents), nil
}

// ofMoment is a figure of a state. It is NaN where a course has none.
func (g *tangents) ofMoment(statistics string, train supernet.TrainSet, when string, of func(courseState) float64) bySeed {
	return func(width int, seed uint64) float64 {
		m := g.courses[courseCell{statistics, width, seed, train}].at(when)
		if m == nil {
			return math.NaN()
		}
		return of(*m)
	}
}

// ofCourse is a figure of a whole course.
func (g *tangents) ofCourse(statistics string, train supernet.TrainSet, of func(course) float64) bySeed {
	return func(width int, seed uint64) float64 { return of(g.courses[courseCell{statistics, width, seed, train}]) }
}

// apart is how far the network whose γ and β train is from the one of which all trains, relative to the way of the latter, after the
// same number of steps.
func (g *tangents) apart(statistics string, step int, outputs func(courseState) []float32) bySeed {
	return func(width int, seed uint64) float64 {
		of := func(train supernet.TrainSet, step int) []float64 {
			return float64s(outputs(*g.courses[courseCell{statistics, width, seed, train}].at(afterStep(step))))
		}
		d, err := ntk.Distance(of(supernet.All, step), of(supernet.AllBN, step), of(supernet.All, 0))
		if err != nil {
			return math.NaN()
		}
		return d
	}
}

// mostApart is the same at its largest: of the two networks in training, relative to the longest way of the one of which all trains.
func (g *tangents) mostApart(statistics string, outputs func(courseState) []float32) bySeed {
	return func(width int, seed uint64) float64 {
		of := func(train supernet.TrainSet) (all [][]float32) {
			for _, m := range g.courses[courseCell{statistics, width, seed, train}].Moments {
				all = append(all, outputs(m))
			}
			return all
		}
		all := of(supernet.All)
		return mostApart(all, of(supernet.AllBN), all[0])
	}
}

func float64s(v []float32) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}

// ofCase is the mean of a figure over the pairs of a space that are of a case. It is NaN without such a pair.
func (g *tangents) ofCase(space string, of ntk.Case, figure func(ntk.Identity) float64) bySeed {
	return func(width int, seed uint64) float64 {
		var values []float64
		for _, p := range g.pairs[pairCell{space, width, seed}] {
			if p.Case == of {
				values = append(values, figure(p.Identity))
			}
		}
		return stat.Mean(values, nil)
	}
}

// driftOf and turnOf are NaN for a state without a kernel.
func driftOf(m courseState) float64 {
	if m.Kernel == nil {
		return math.NaN()
	}
	return m.Kernel.Drift
}

func turnOf(m courseState) float64 {
	if m.Kernel == nil {
		return math.NaN()
	}
	return math.Sqrt(max(0, 1-m.Kernel.Alignment*m.Kernel.Alignment))
}

// Other figures of a state, and those of a pair.
func errorOf(m courseState) float64          { return m.Error }
func outputsOf(m courseState) []float32      { return m.Outputs }
func linearOf(m courseState) []float32       { return m.Linear }
func deviationOf(i ntk.Identity) float64     { return i.Deviation }
func ratioOf(i ntk.Identity) float64         { return i.Ratio }
func pairAlignmentOf(i ntk.Identity) float64 { return i.Alignment }
