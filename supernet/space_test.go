package supernet

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/philox"

	"github.com/google/go-cmp/cmp"
)

// placements lists both placements.
var placements = []Placement{Standard, Fair}

// small returns a supernet of s that is fast to build.
func small(t *testing.T, s Space, bn Placement) *Net {
	t.Helper()
	c := Config{Space: s.Name(), BN: bn, Seed: 1, Channels: 4, Height: 16, Width: 16}
	if s.Defaults().Cells > 0 {
		c.Cells = 2
	}
	return build(t, c)
}

func build(t *testing.T, c Config) *Net {
	t.Helper()
	n, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// programOf returns the Program of the architecture with this text.
func programOf(t *testing.T, n *Net, arch string) *kernels.Program {
	t.Helper()
	a, err := n.Space.Parse(arch)
	if err != nil {
		t.Fatal(err)
	}
	p, err := n.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// activations returns the names of steps with their activations, but for sums without one.
func activations(steps []kernels.Step) string {
	var names []string
	for _, s := range steps {
		if s.Op != kernels.OpSum || s.Act != kernels.Linear {
			names = append(names, s.Name+":"+s.Act.String())
		}
	}
	return strings.Join(names, " ")
}

// everyStem returns a Config for each space, and one more for each stem of a space with several.
func everyStem() (all []Config) {
	for _, s := range Spaces() {
		all = append(all, Config{Space: s.Name()})
		if stemmed, ok := s.(Stemmed); ok {
			for _, stem := range stemmed.Stems() {
				all = append(all, Config{Space: s.Name(), Stem: stem})
			}
		}
	}
	return all
}

// named returns the space of a name.
func named(t testing.TB, name string) Ordered {
	t.Helper()
	s, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return s.(Ordered)
}

// spread returns n architectures: at equal distances in the order of s or, without an order, random ones.
func spread(s Space, n int) []Arch {
	all := make([]Arch, n)
	ordered, ok := s.(Ordered)
	r := philox.New(1, "spread", 0)
	for i := range all {
		if ok {
			all[i] = ordered.At(i * ordered.Size() / n)
		} else {
			all[i] = Random(s, r)
		}
	}
	return all
}

func TestAbout(t *testing.T) {
	for _, s := range Spaces() {
		if about := s.About(); about == "" || strings.Contains(about, "of your own") {
			t.Errorf("%s says %q", s.Name(), about)
		}
	}
}

func TestOrder(t *testing.T) {
	for _, s := range Spaces() {
		ordered, ok := s.(Ordered)
		if !ok {
			continue
		}
		if n := big.NewInt(int64(ordered.Size())); s.Count().Cmp(n) != 0 {
			t.Errorf("%s: %v architectures, %v in order", s.Name(), s.Count(), n)
		}
		for i := range ordered.Size() {
			if got := ordered.IndexOf(ordered.At(i)); got != i {
				t.Fatalf("%s: the index of #%d is %d", s.Name(), i, got)
			}
		}
	}
}

func TestTextRoundTrip(t *testing.T) {
	for _, s := range Spaces() {
		t.Run(s.Name(), func(t *testing.T) {
			seen := map[string]bool{}
			archs := spread(s, 1000)
			if ordered, ok := s.(Ordered); ok {
				archs = spread(s, ordered.Size())
			}
			for _, a := range archs {
				text := s.Format(a)
				back, err := s.Parse(text)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(a, back); d != "" {
					t.Fatalf("%s: %s", text, d)
				}
				seen[text] = true
			}
			if len(seen) != len(archs) {
				t.Errorf("%d distinct texts of %d architectures", len(seen), len(archs))
			}
		})
	}
}

// graph201 is the expression of a cell without its zeros: what a sum has from none, and from an operator on nothing, is left out. It is
// empty for a dead cell. onZeros says that a convolution whose node reaches the output has no input.
func graph201(a Arch) (text string, onZeros bool) {
	reaches := [4]bool{3: true}
	for e := len(nb201Edges) - 1; e >= 0; e-- {
		if edge := nb201Edges[e]; a[e] != nb201None && reaches[edge[0]] {
			reaches[edge[1]] = true
		}
	}
	sums := [4][]string{{"x"}}
	for e, edge := range nb201Edges {
		in := sums[edge[1]]
		convolves := a[e] == nb201Conv1 || a[e] == nb201Conv3
		switch {
		case a[e] == nb201None:
		case len(in) == 0:
			onZeros = onZeros || convolves && reaches[edge[0]]
		case a[e] == nb201Skip:
			sums[edge[0]] = append(sums[edge[0]], in...)
		default:
			slices.Sort(in)
			sums[edge[0]] = append(sums[edge[0]], fmt.Sprintf("%d(%s)", a[e], strings.Join(in, "+")))
		}
	}
	slices.Sort(sums[3])
	return strings.Join(sums[3], "+"), onZeros
}

// The numbers of docs/method.md: the benchmark's forms of live cells, those without zeros, and the cells with convolutions of zeros.
func TestFormsOfNASBench201(t *testing.T) {
	s := named(t, "nas-bench-201")
	forms, graphs, of := map[string]bool{}, map[string]bool{}, map[string]string{}
	live, onZeros := 0, 0
	for i := range s.Size() {
		a := s.At(i)
		graph, zeros := graph201(a)
		if s.Alive(a) != (graph != "") {
			t.Fatalf("%s: alive %v, graph %q", s.Format(a), s.Alive(a), graph)
		}
		if graph == "" {
			continue
		}
		form := s.Canonical(a)
		if before, ok := of[form]; ok && before != graph {
			t.Errorf("%s has the graphs %s and %s", form, before, graph)
		}
		of[form], forms[form], graphs[graph] = graph, true, true
		if live++; zeros {
			onZeros++
		}
	}
	if got, want := [4]int{live, len(forms), len(graphs), onZeros}, [4]int{15284, 6461, 4929, 2000}; got != want {
		t.Errorf("live cells, forms, graphs, cells with convolutions of zeros: %v, want %v", got, want)
	}
}

// A convolution of zeros is in the network: its BatchNorm has a β.
func TestConvolutionOfZerosCounts(t *testing.T) {
	net, err := New(Config{Space: "nas-bench-201", BN: Standard, Channels: 4, Cells: 1, Height: 8, Width: 8, Classes: 4})
	if err != nil {
		t.Fatal(err)
	}
	macs := func(text string) int64 {
		p := programOf(t, net, text)
		return int64(p.MACs())
	}
	without := macs("|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")
	// A 1×1 convolution of c channels at p pixels has c²·p: 4 at 64, 8 at 16, 16 at 4.
	if with := macs("|none~0|+|none~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|"); with != without+3*1024 {
		t.Errorf("%d multiply-adds, %d without a convolution of zeros", with, without)
	}
	if with := macs("|none~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|none~2|"); with != without {
		t.Errorf("%d multiply-adds, %d without a convolution on a dead end", with, without)
	}
}

// TestDistinctAndDead compares the numbers of distinct networks and of dead architectures with those of the benchmarks.
func TestDistinctAndDead(t *testing.T) {
	want := map[string][2]int{"nas-bench-201": {6466, 341}, "nas-bench-macro": {3969, 0}}
	for name, numbers := range want {
		s := named(t, name)
		canonical := map[string]bool{}
		dead := 0
		for i := range s.Size() {
			a := s.At(i)
			canonical[s.Canonical(a)] = true
			if !s.Alive(a) {
				dead++
			}
		}
		if got := [2]int{len(canonical), dead}; got != numbers {
			t.Errorf("%s: %v distinct and dead, want %v", name, got, numbers)
		}
	}
}

// TestPrograms lowers random architectures of every space and compares them with the closed forms.
func TestPrograms(t *testing.T) {
	for _, s := range Spaces() {
		for _, bn := range placements {
			t.Run(s.Name()+"/"+string(bn), func(t *testing.T) {
				n := small(t, s, bn)
				r := philox.New(7, t.Name(), 0)
				whole := 0
				for range 300 {
					a := Random(s, r)
					p, err := n.Program(a)
					if err != nil {
						t.Fatalf("%s: %v", s.Format(a), err)
					}
					if err := p.Validate(); err != nil {
						t.Fatalf("%s: %v\n%v", s.Format(a), err, p)
					}
					if checkCost(t, n, a, p) {
						whole++
					}
				}
				if whole < 30 {
					t.Errorf("only %d of 300 programs had nothing to drop", whole)
				}
			})
		}
	}
}

// checkCost compares the cost of a program with the closed form. They are equal if every operator of a has a path to the
// logits; it then returns true. Otherwise the program costs less.
func checkCost(t *testing.T, n *Net, a Arch, p *kernels.Program) bool {
	t.Helper()
	b, err := n.record(a)
	if err != nil {
		t.Fatal(err)
	}
	var params, bnParams int64
	for _, m := range b.modules {
		for i, id := range m.params {
			used := kernels.Param{Shape: m.shapes[i]}
			switch n.Params()[id].Kind {
			case kernels.Gamma, kernels.Beta:
				bnParams += int64(used.Len())
			default:
				params += int64(used.Len())
			}
		}
	}
	want := n.Space.Cost(a, n.Config)
	standard := n.Config
	standard.BN = Standard
	if got := params + n.Space.Cost(a, standard).BNParams; got != want.Params {
		t.Fatalf("%s: %d parameters recorded, closed form %d", n.Space.Format(a), got, want.Params)
	}
	if bnParams != want.BNParams {
		t.Fatalf("%s: %d BatchNorm parameters recorded, closed form %d", n.Space.Format(a), bnParams, want.BNParams)
	}
	if len(p.BNs) < len(b.bns) {
		if p.MACs() > want.MACs || int64(p.BNParams()) >= want.BNParams {
			t.Fatalf("%s: pruned, but %d MACs of %d, %d BatchNorm parameters of %d",
				n.Space.Format(a), p.MACs(), want.MACs, p.BNParams(), want.BNParams)
		}
		return false
	}
	if p.MACs() != want.MACs || int64(p.BNParams()) != want.BNParams {
		t.Fatalf("%s: %d MACs, closed form %d; %d BatchNorm parameters, closed form %d",
			n.Space.Format(a), p.MACs(), want.MACs, p.BNParams(), want.BNParams)
	}
	return true
}
