package supernet

import (
	"encoding/csv"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// The golden values of this file are those of the benchmarks' own code and tables.

func TestPythonRandom(t *testing.T) {
	r := newPythonRandom(88)
	for i, want := range []uint32{1707201716, 4182107318, 813946014, 1429399738} {
		if got := r.words.Uint32(); got != want {
			t.Errorf("getrandbits(32) #%d = %d, want %d", i, got, want)
		}
	}
	r = newPythonRandom(88)
	for range 1000 {
		r.words.Uint32()
	}
	if got := r.words.Uint32(); got != 3551917360 { // past the first 624 words
		t.Errorf("getrandbits(32) #1000 = %d", got)
	}
	x := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	newPythonRandom(88).shuffle(len(x), func(i, j int) { x[i], x[j] = x[j], x[i] })
	if want := []int{11, 1, 10, 8, 7, 9, 4, 0, 2, 5, 3, 6}; !slices.Equal(x, want) {
		t.Errorf("shuffle: %v, want %v", x, want)
	}
}

func TestOfficialOrder(t *testing.T) {
	s := named(t, "nas-bench-201")
	for i, want := range map[int]string{
		0:     "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
		9:     "|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|",
		123:   "|avg_pool_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|",
		3558:  "|skip_connect~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|nor_conv_3x3~0|nor_conv_1x1~1|nor_conv_3x3~2|",
		13714: "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|",
	} {
		if got := s.Format(s.At(i)); got != want {
			t.Errorf("#%d is %s, want %s", i, got, want)
		}
	}
}

func TestGoldenCosts(t *testing.T) {
	for _, c := range []struct {
		space, arch                      string
		params, macs, bnStandard, bnFair int64
	}{
		{"nas-bench-201", "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", 73306, 7783040, 544, 544},
		{"nas-bench-201", "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|", 73306, 7783040, 544, 7264},
		{"nas-bench-201", "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|", 1531546, 220119680, 7264, 7264},
		{"nas-bench-201", "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|", 1073466, 153272960, 6144, 7264},
		{"nas-bench-201", "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_1x1~2|", 129306, 15647360, 2784, 6144},
		{"nas-bench-macro", "00000000", 387882, 7713280, 3520, 3520 + 2*(64+2*128+2*256)},
		{"nas-bench-macro", "11111111", 1588874, 53246464, 17856, 17856},
		{"nas-bench-macro", "22222222", 2932586, 105660928, 30528, 30528},
		{"nas-bench-macro", "22212202", 1985514, 85164544, 22336, 22848},
	} {
		s, err := Lookup(c.space)
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.Parse(c.arch)
		if err != nil {
			t.Fatal(err)
		}
		for bn, want := range map[Placement]int64{Standard: c.bnStandard, Fair: c.bnFair} {
			cfg := s.Defaults()
			cfg.BN = bn
			got := s.Cost(a, cfg)
			if got.Params != c.params || got.MACs != c.macs || got.BNParams != want {
				t.Errorf("%s %s: %+v, want %d parameters, %d MACs, %d of BatchNorm", c.arch, bn, got, c.params, c.macs, want)
			}
		}
	}
}

// TestDepth counts the BatchNorms on the path, in the standard placement.
func TestDepth(t *testing.T) {
	for _, c := range []struct {
		space, arch string
		want        int
	}{
		{"nas-bench-201", "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", 1 + 2*2 + 1}, // stem, reductions, the last
		{"nas-bench-201", "|skip_connect~0|+|skip_connect~0|avg_pool_3x3~1|+|none~0|none~1|skip_connect~2|", 6},
		{"nas-bench-201", "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_1x1~0|nor_conv_3x3~1|nor_conv_3x3~2|", 6 + 15*6},
		{"nas-bench-macro", "11111111", 1 + 8*3 + 1},
		{"nas-bench-macro", "00000000", 1 + 3 + 1}, // three layers have a stride
		{"nas-bench-101", "11|1|3", 1 + 9*3},       // two projections and a convolution a cell
		{"nas-bench-101", "10|1|m", 1 + 9},         // a projection
	} {
		s, err := Lookup(c.space)
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.Parse(c.arch)
		if err != nil {
			t.Fatal(err)
		}
		for _, bn := range placements {
			cfg := s.Defaults()
			cfg.BN = bn
			if got := s.Cost(a, cfg).Depth; got != c.want {
				t.Errorf("%s, %s: depth %d, want %d", c.arch, bn, got, c.want)
			}
		}
	}
}

// bnnasGenotype is the network that BN-NAS publishes.
const bnnasGenotype = "3 -1 0 4 0 -1 -1 0 4 -1 4 4 1 4 2 0 0 4 0 2 2"

// TestBNNAS reproduces figures of the authors' code: its table of FLOPs, its log and its count of trained parameters.
func TestBNNAS(t *testing.T) {
	var k Cost
	k.invertedResidual(24, 32, chainOperator{3, 3}, 112*112, 56*56)
	if k.MACs != 30933504 {
		t.Errorf("24→32 at 112², stride 2, t = 3, k = 3: %d MACs, want 30933504", k.MACs)
	}
	n := build(t, Config{Space: "bn-nas", BN: Standard})
	a, err := n.Space.Parse(bnnasGenotype)
	if err != nil {
		t.Fatal(err)
	}
	k = n.Space.Cost(a, n.Config)
	const classifier, operations = 1000 * 1728, 1000 * (2*1728 - 1) // the table counts the operations of the classifier
	if got := k.MACs - classifier + operations; got != 473549240 {
		t.Errorf("the published genotype has %d FLOPs, want 473549240", got)
	}
	if k.Params != 5228536 {
		t.Errorf("the published genotype has %d parameters, want 5228536", k.Params)
	}
	trained := 0
	for _, id := range n.Trainable(LastBN, nil) {
		trained += n.Params()[id].Len()
	}
	if trained != 30144 { // 33,216 with the four layers that are identities
		t.Errorf("%d parameters of last BatchNorms, want 30144", trained)
	}
	if want := new(big.Int).Exp(big.NewInt(6), big.NewInt(17), nil); n.Space.Count().Cmp(want) != 0 {
		t.Errorf("%v architectures, want 6¹⁷ = %v", n.Space.Count(), want)
	}
}

// TestMobileNets compares the costs of the first and the last operator everywhere with sums written by hand.
func TestMobileNets(t *testing.T) {
	type stage struct{ out, layers, stride int64 }
	for _, c := range []struct {
		space             string
		side, stem, first int64
		stride            int64
		stages            []stage
		head, classes     int64
	}{
		{"proxylessnas", 224, 32, 16, 2, []stage{{32, 4, 2}, {40, 4, 2}, {80, 4, 2}, {96, 4, 1}, {192, 4, 2}, {320, 1, 1}}, 1280, 1000},
		{"fairnas", 224, 32, 16, 2, []stage{{32, 2, 2}, {40, 4, 2}, {80, 4, 2}, {96, 4, 1}, {192, 4, 2}, {320, 1, 1}}, 1280, 1000},
		{"mobilenet-cifar", 32, 40, 24, 1, []stage{{32, 4, 1}, {56, 4, 2}, {112, 4, 2}, {128, 4, 1}, {256, 4, 1}, {432, 1, 1}}, 640, 10},
	} {
		s, err := Lookup(c.space)
		if err != nil {
			t.Fatal(err)
		}
		var wide Arch
		for _, g := range s.Genes() {
			wide = append(wide, slices.Index(g.Options, "mb6_k7"))
		}
		side := c.side / c.stride
		params := 27*c.stem + 2*c.stem + 9*c.stem + 2*c.stem + c.stem*c.first + 2*c.first
		macs := (27*c.stem + 9*c.stem + c.stem*c.first) * side * side
		in := c.first
		for _, st := range c.stages {
			for i := range st.layers {
				macs += 6 * in * in * side * side
				if i == 0 {
					side /= st.stride
				}
				params += 6*in*in + 2*6*in + 49*6*in + 2*6*in + 6*in*st.out + 2*st.out
				macs += (49*6*in + 6*in*st.out) * side * side
				in = st.out
			}
		}
		params += in*c.head + 2*c.head + c.head*c.classes + c.classes
		macs += in*c.head*side*side + c.head*c.classes
		if k := s.Cost(wide, s.Defaults()); k.Params != params || k.MACs != macs {
			t.Errorf("%s: %+v, want %d parameters and %d MACs", c.space, k, params, macs)
		}
	}
}

// table reads a ground-truth table from the folder that BNAS_BENCHMARKS names.
func table(t *testing.T, name string) []map[string]string {
	t.Helper()
	dir := os.Getenv("BNAS_BENCHMARKS")
	if dir == "" {
		t.Skip("BNAS_BENCHMARKS does not name the folder of ground-truth tables; the golden values above are checked all the same")
	}
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, column := range rows[0] {
			m[column] = row[i]
		}
		all = append(all, m)
	}
	return all
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestTableNASBench201 compares the order, the classes and the costs of the whole space.
func TestTableNASBench201(t *testing.T) {
	s := named(t, "nas-bench-201")
	class, canonical := map[string]string{}, map[string]string{}
	for i, row := range table(t, "nasbench201_cifar10.csv") {
		a := s.At(i)
		if got := s.Format(a); got != row["arch"] {
			t.Fatalf("#%d is %s, want %s", i, got, row["arch"])
		}
		k := s.Cost(a, s.Defaults())
		if d := k.MACs - number(t, row["macs"]); k.Params != number(t, row["params"]) || d < -10 || d > 10 { // macs are rounded to tens
			t.Fatalf("%s: %+v, want %s parameters and %s MACs", row["arch"], k, row["params"], row["macs"])
		}
		c := s.Canonical(a)
		if old, ok := class[c]; ok && old != row["iso_class"] {
			t.Fatalf("%s is of class %s, another of the same canonical form of %s", row["arch"], row["iso_class"], old)
		}
		if old, ok := canonical[row["iso_class"]]; ok && old != c {
			t.Fatalf("class %s has canonical forms %s and %s", row["iso_class"], old, c)
		}
		class[c], canonical[row["iso_class"]] = row["iso_class"], c
	}
}

// TestTableNASBenchMacro compares the canonical forms and the costs of the whole space.
func TestTableNASBenchMacro(t *testing.T) {
	s := named(t, "nas-bench-macro")
	for i, row := range table(t, "nasbench_macro_cifar10.csv") {
		a := s.At(i)
		if got := s.Format(a); got != row["arch"] {
			t.Fatalf("#%d is %s, want %s", i, got, row["arch"])
		}
		if got := s.Canonical(a); got != row["canonical_arch"] {
			t.Fatalf("%s: canonical %s, want %s", row["arch"], got, row["canonical_arch"])
		}
		// The costs of the table are those of the trained network.
		canonical, err := s.Parse(row["canonical_arch"])
		if err != nil {
			t.Fatal(err)
		}
		k := s.Cost(canonical, s.Defaults())
		if k.Params != number(t, row["params"]) || k.MACs != number(t, row["macs"]) || k != s.Cost(a, s.Defaults()) {
			t.Fatalf("%s: %+v, want %s parameters and %s MACs", row["arch"], k, row["params"], row["macs"])
		}
	}
}
