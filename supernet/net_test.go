package supernet

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bnas.example/internal/setting"
	"bnas.example/kernels"
	"bnas.example/kernels/hoststore"
	"bnas.example/philox"

	"github.com/google/go-cmp/cmp"
)

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Space: "nas-bench-202"}, `supernet.space "nas-bench-202": there are nas-bench-201, nas-bench-101, nas-bench-macro`},
		{Config{Space: "nas-bench-201", BN: "all"}, `supernet.bn "all": there are`},
		{Config{Space: "nas-bench-201", Gamma: "zero"}, `supernet.gamma_init "zero": there are`},
		{Config{Space: "nas-bench-201", Classes: 1}, "supernet.classes 1: must be"},
		{Config{Space: "nas-bench-201", Height: -32}, "supernet.height -32: must be"},
		{Config{Space: "nas-bench-201", Width: 1 << 30}, "supernet.width 1073741824: must be"},
		{Config{Space: "nas-bench-201", ImageChannels: 2}, "supernet.image_channels 2: must be 1 (grey) or 3 (colour)"},
		{Config{Space: "nas-bench-201", Channels: -1}, "supernet.channels -1: must be"},
		{Config{Space: "nas-bench-201", Cells: -1}, "supernet.cells -1: must be"},
		{Config{Space: "nas-bench-201", Height: 30}, "supernet.height 30: nas-bench-201 halves images 2 times and takes multiples of 4 (nearest: 32)"},
		{Config{Space: "darts", Height: 31, Width: 1}, "(nearest: 32); supernet.width 1: darts halves images 2 times and takes multiples of 4 (nearest: 4)"},
		{Config{Space: "darts", Stem: "imagenet", Width: 224, Height: 225}, "supernet.height 225: darts halves images 5 times and takes multiples of 32 (nearest: 224)"},
		{Config{Space: "darts", Stem: "imagenet", Channels: 1}, "supernet.channels 1: darts divides the channels and needs at least 2"},
		{Config{Space: "nas-bench-101", Channels: 3}, "supernet.channels 3: nas-bench-101 divides the channels and needs at least 4"},
		{Config{Space: "nas-bench-macro", Cells: 3}, "fixed depth"},
		{Config{Space: "nas-bench-macro", Stem: "imagenet"}, `supernet.stem "imagenet": nas-bench-macro has one stem only`},
		{Config{Space: "darts", Stem: "large"}, `supernet.stem "large": there are cifar and imagenet`},
	} {
		if _, err := New(c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want an error with %q", c.config, err, c.want)
		}
	}
}

// TestOneErrorForASize: a size outside its range is one error, and not one of the space too.
func TestOneErrorForASize(t *testing.T) {
	for _, c := range []Config{{Space: "nas-bench-201", Height: -30}, {Space: "nas-bench-201", Width: -30}, {Space: "nas-bench-101", Channels: -1}} {
		_, err := New(c)
		if errs, ok := err.(setting.Errors); !ok || len(errs) != 1 {
			t.Errorf("%+v: %v, want one error", c, err)
		}
	}
}

// TestValidateOfNoCells: a full configuration of a space of cells has some.
func TestValidateOfNoCells(t *testing.T) {
	for _, s := range Spaces() {
		c := s.Defaults()
		had := c.Cells
		c.Cells = 0
		if err := c.Validate(); (err == nil) != (had == 0) {
			t.Errorf("%s without cells, by default %d: %v", s.Name(), had, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	for _, s := range Spaces() {
		n := build(t, Config{Space: s.Name(), Seed: 9})
		want := s.Defaults()
		want.Seed = 9
		if d := cmp.Diff(want, n.Config); d != "" {
			t.Errorf("%s: %s", s.Name(), d)
		}
	}
}

// TestImageSizes: each space either takes images of a size, and its Programs and costs are right for it, or it names the
// settings to change, and it takes the nearest sizes that it gives.
func TestImageSizes(t *testing.T) {
	nearest := regexp.MustCompile(`^\d+: .* \(nearest: (\d+)\)$`)
	for _, c := range everyStem() {
		c.BN, c.Channels = Fair, 4
		for _, size := range [][2]int{{1, 1}, {2, 3}, {13, 7}, {30, 31}, {33, 32}, {34, 48}} {
			c.Height, c.Width = size[0], size[1]
			n, err := New(c)
			if err != nil {
				wrong := setting.Wrong(err)
				if len(wrong) == 0 {
					t.Fatalf("%s of %v: %v names no setting", c.Space, size, err)
				}
				for _, one := range wrong {
					side, ok := map[string]*int{"supernet.height": &c.Height, "supernet.width": &c.Width}[one.Setting]
					match := nearest.FindStringSubmatch(one.Problem)
					if !ok || match == nil {
						t.Fatalf("%s of %v: %v", c.Space, size, one)
					}
					*side, _ = strconv.Atoi(match[1])
				}
				if n, err = New(c); err != nil {
					t.Fatalf("%s of %v is refused, and so is its remedy: %v", c.Space, size, err)
				}
			}
			for _, a := range spread(n.Space, 3) {
				p, err := n.Program(a)
				if err != nil {
					t.Fatal(err)
				}
				if err := p.Validate(); err != nil {
					t.Fatal(err)
				}
				if want := n.Space.Cost(a, n.Config).MACs; p.MACs() != want {
					t.Errorf("%s of %v: %s: %d MACs, closed form %d", c.Space, size, n.Space.Format(a), p.MACs(), want)
				}
			}
		}
	}
}

// TestParams: the table is a function of the Config. It has the parameters of every option of every gene. No name occurs
// twice.
func TestParams(t *testing.T) {
	for _, s := range Spaces() {
		for _, bn := range placements {
			n, again := small(t, s, bn), small(t, s, bn)
			if d := cmp.Diff(n.Params(), again.Params()); d != "" {
				t.Fatal(d)
			}
			names := map[string]bool{}
			for _, p := range n.Params() {
				if names[p.Name] {
					t.Errorf("%s: %s is there twice", s.Name(), p.Name)
				}
				names[p.Name] = true
			}
			owned := map[[2]int]bool{}
			for _, b := range n.BNs() {
				if b.Place >= 0 {
					owned[[2]int{b.Place, b.Operator}] = true
				}
				ofGamma, _ := n.BNOf(b.Gamma)
				if ofBeta, ok := n.BNOf(b.Beta); !ok || ofGamma != b || ofBeta != b {
					t.Errorf("%s: BNOf does not find %v", s.Name(), b)
				}
			}
			if bn == Fair {
				for i, place := range n.places {
					for o, name := range place.Operators {
						fixed := name == identityOperator && len(place.Operators) == 1 // it is nothing
						if want := name != "none" && !fixed; owned[[2]int{i, o}] != want {
							t.Errorf("%s: place %s, operator %s: has a BatchNorm: %v", s.Name(), place.Name, name, !want)
						}
					}
				}
			}
		}
	}
}

// TestOwners: an architecture uses the BatchNorms of its operators, those without a place, and no others. Two operators of
// a place have no parameter in common. The projections of NAS-Bench-101 belong to edges.
func TestOwners(t *testing.T) {
	for _, s := range Spaces() {
		n := small(t, s, Fair)
		for _, a := range spread(s, 5) {
			b, err := n.record(a)
			if err != nil {
				t.Fatal(err)
			}
			used := map[kernels.ParamID]bool{}
			for _, m := range b.modules {
				for _, id := range m.params {
					used[id] = true
				}
			}
			chosen := s.Chosen(a)
			for _, info := range n.BNs() {
				want := info.Place < 0 || chosen[info.Place] == info.Operator
				if _, to, ok := strings.Cut(info.Name, ".projections."); ok {
					v, err := strconv.Atoi(strings.TrimSuffix(to, ".1"))
					if err != nil {
						t.Fatal(err)
					}
					want = a[gene101(0, v)] == 1
				}
				if used[info.Gamma] != want || used[info.Beta] != want {
					t.Errorf("%s: %s: uses %s: %v", s.Name(), s.Format(a), info.Name, !want)
				}
			}
		}
	}
}

func TestLastBN(t *testing.T) {
	for _, c := range []struct {
		space string
		bn    Placement
		arch  string
		last  []string
	}{
		{"nas-bench-macro", Standard, "01012000", []string{"features.0.downsample.1", "features.1.conv.7", "features.2.downsample.1", "features.3.conv.7", "features.4.conv.7", "features.5.downsample.1"}},
		{"nas-bench-macro", Fair, "01000000", []string{"features.0.downsample.1", "features.1.conv.7", "features.2.downsample.1", "features.3.bn", "features.4.bn", "features.5.downsample.1", "features.6.bn", "features.7.bn"}},
	} {
		n := build(t, Config{Space: c.space, BN: c.bn, Channels: 4})
		p := programOf(t, n, c.arch)
		var names []string
		for _, id := range n.Trainable(LastBN, p) {
			if info, ok := n.BNOf(id); ok && info.Gamma == id {
				names = append(names, info.Name)
			}
		}
		slices.Sort(names)
		if d := cmp.Diff(c.last, names); d != "" {
			t.Errorf("%s %s: %s", c.arch, c.bn, d)
		}
	}
}

func TestTrainable(t *testing.T) {
	for _, s := range Spaces() {
		n := small(t, s, Fair)
		a := spread(s, 3)[1]
		p, err := n.Program(a)
		if err != nil {
			t.Fatal(err)
		}
		kinds := func(ids []kernels.ParamID) map[kernels.ParamKind]int {
			k := map[kernels.ParamKind]int{}
			for _, id := range ids {
				k[n.Params()[id].Kind]++
			}
			return k
		}
		convs := 0
		for _, step := range p.Steps {
			convs += len(step.Branches)
		}
		bns := len(p.BNs)
		last := kinds(n.Trainable(LastBN, p))
		if last[kernels.Gamma] != last[kernels.Beta] || last[kernels.Gamma] == 0 || last[kernels.Gamma] >= bns {
			t.Errorf("%s: last-bn: %v", s.Name(), last)
		}
		for set, want := range map[TrainSet]map[kernels.ParamKind]int{
			AllBN:              {kernels.Gamma: bns, kernels.Beta: bns},
			AllBNAndClassifier: {kernels.Gamma: bns, kernels.Beta: bns, kernels.LinearWeight: 1, kernels.LinearBias: 1},
			All:                {kernels.Gamma: bns, kernels.Beta: bns, kernels.LinearWeight: 1, kernels.LinearBias: 1, kernels.ConvWeight: convs},
		} {
			if d := cmp.Diff(want, kinds(n.Trainable(set, p))); d != "" {
				t.Errorf("%s: %s: %s", s.Name(), set, d)
			}
		}
		if got := len(n.Trainable(All, nil)); got != len(n.Params()) {
			t.Errorf("%s: %d of %d parameters train in set all", s.Name(), got, len(n.Params()))
		}
		if got := len(n.Trainable(AllBN, nil)); got != 2*len(n.BNs()) {
			t.Errorf("%s: %d γ and β train of %d BatchNorms", s.Name(), got, len(n.BNs()))
		}
	}
	if err := TrainSet("some").Validate(); err == nil {
		t.Error(`set "some" is taken for valid`)
	}
}

// TestInitial: the values depend on the seed and the name only. They have the right standard deviation.
func TestInitial(t *testing.T) {
	for _, s := range Spaces() {
		standard, fair := small(t, s, Standard), small(t, s, Fair)
		other := fair.Config
		other.Seed++
		reseeded := build(t, other)
		inFair := map[string]kernels.ParamID{}
		for id, p := range fair.Params() {
			inFair[p.Name] = kernels.ParamID(id)
		}
		for id, p := range standard.Params() {
			v := standard.Initial(kernels.ParamID(id))
			f, ok := inFair[p.Name]
			if !ok || !slices.Equal(v, fair.Initial(f)) {
				t.Fatalf("%s: %s differs between placements", s.Name(), p.Name)
			}
			if frozen := p.Kind == kernels.ConvWeight || p.Kind == kernels.LinearWeight || p.Kind == kernels.LinearBias; frozen == slices.Equal(v, reseeded.Initial(f)) {
				t.Errorf("%s: %s: another seed, changed: %v", s.Name(), p.Name, !frozen)
			}
			checkSpread(t, p, v)
		}
	}
}

// filler draws the weights of convolutions itself, as a GPU does.
type filler struct {
	kernels.Store
	filled []kernels.ParamID
}

func (f *filler) FillNormal(id kernels.ParamID, r *philox.Stream, deviation float64) error {
	f.filled = append(f.filled, id)
	v := make([]float32, f.Params()[id].Len())
	r.Normal(v, deviation)
	return f.Write(kernels.Data, v, id)
}

// TestFillOfAFiller: a store that draws normal numbers draws the weights of convolutions, and no others; all values are those of Initial.
func TestFillOfAFiller(t *testing.T) {
	n := small(t, named(t, "nas-bench-201"), Fair)
	f := &filler{Store: hoststore.New(n.Params())}
	if err := n.Fill(f); err != nil {
		t.Fatal(err)
	}
	for i, p := range n.Params() {
		id := kernels.ParamID(i)
		if drawn := slices.Contains(f.filled, id); drawn != (p.Kind == kernels.ConvWeight) {
			t.Errorf("%s is drawn by the store: %v", p.Name, drawn)
		}
		v := make([]float32, p.Len())
		if err := f.Read(kernels.Data, v, id); err != nil || !slices.Equal(v, n.Initial(id)) {
			t.Errorf("%s has other values, %v", p.Name, err)
		}
	}
}

func checkSpread(t *testing.T, p kernels.Param, v []float32) {
	t.Helper()
	var sum, squares, largest float64
	for _, x := range v {
		sum += float64(x)
		squares += float64(x) * float64(x)
		largest = max(largest, math.Abs(float64(x)))
	}
	n := float64(len(v))
	switch p.Kind {
	case kernels.ConvWeight:
		want := 2 / float64(p.Shape[2]*p.Shape[3]*p.Shape[0])
		if got := squares / n; !(math.Abs(got/want-1) <= 6*math.Sqrt(2/n)) || !(math.Abs(sum/n) <= 6*math.Sqrt(want/n)) {
			t.Errorf("%s: mean %.3g, mean square %.3g, want 0 and %.3g", p.Name, sum/n, got, want)
		}
	case kernels.LinearWeight:
		bound := 1 / math.Sqrt(float64(p.Shape[1]))
		if got := squares / n; largest > bound || !(math.Abs(got/(bound*bound/3)-1) <= 6*math.Sqrt(0.8/n)) || !(math.Abs(sum/n) <= 6*bound/math.Sqrt(3*n)) {
			t.Errorf("%s: largest %.3g of %.3g, mean %.3g, mean square %.3g", p.Name, largest, bound, sum/n, got)
		}
	case kernels.Gamma:
		if sum != n {
			t.Errorf("%s: γ starts at %v", p.Name, v)
		}
	case kernels.Beta:
		if largest != 0 {
			t.Errorf("%s: β starts at %v", p.Name, v)
		}
	}
}

func TestGammaUniform(t *testing.T) {
	n := build(t, Config{Space: "nas-bench-201", Gamma: GammaUniform})
	var sum, count float64
	for id, p := range n.Params() {
		if p.Kind != kernels.Gamma {
			continue
		}
		for _, g := range n.Initial(kernels.ParamID(id)) {
			if g < 0 || g >= 1 {
				t.Fatalf("%s: γ = %g", p.Name, g)
			}
			sum += float64(g)
			count++
		}
	}
	if mean := sum / count; !(math.Abs(mean-0.5) <= 6*math.Sqrt(1/12./count)) {
		t.Errorf("mean γ = %g of %g", mean, count)
	}
}

// convolves reports whether the operator that owns a BatchNorm has a weight of a convolution.
func convolves(n *Net, b BNInfo) bool {
	operator := n.Params()[b.Gamma].Name
	if i := strings.Index(operator, n.places[b.Place].Operators[b.Operator]+"."); i >= 0 {
		operator = operator[:i]
	}
	operator += n.places[b.Place].Operators[b.Operator] + "."
	for _, p := range n.Params() {
		if p.Kind == kernels.ConvWeight && strings.HasPrefix(p.Name, operator) {
			return true
		}
	}
	return false
}

// TestGammaSmall: the last BatchNorm of each operator with a convolution starts small, every other one at 1.
func TestGammaSmall(t *testing.T) {
	for _, s := range Spaces() {
		c := small(t, s, Fair).Config
		c.Gamma = GammaSmall
		n := build(t, c)
		counts := map[bool]int{}
		for _, b := range n.BNs() {
			want := float32(1)
			if b.Place >= 0 && b.Last && convolves(n, b) {
				want = SmallGamma
			}
			for _, v := range n.Initial(b.Gamma) {
				if v != want {
					t.Fatalf("%s: %s of option %d starts at %g, want %g", s.Name(), b.Name, b.Operator, v, want)
				}
			}
			counts[want == 1]++
		}
		if counts[true] == 0 || counts[false] == 0 {
			t.Errorf("%s: %v BatchNorms start at 1 and small", s.Name(), counts)
		}
	}
}
