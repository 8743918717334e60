package data

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lettered returns an image whose pixels are a, b, c, …
func lettered(height, width int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range height * width {
		img.Pix[4*i] = 'a' + byte(i)
	}
	return img
}

func letters(img *image.RGBA) string {
	var rows []string
	for y := range img.Rect.Dy() {
		row := ""
		for x := range img.Rect.Dx() {
			row += string(rune(img.RGBAAt(x, y).R))
		}
		rows = append(rows, row)
	}
	return strings.Join(rows, " ")
}

// logged returns what f logs, a line an entry.
func logged(t *testing.T, f func()) string {
	t.Helper()
	before := slog.Default()
	defer slog.SetDefault(before)
	var b bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	f()
	return b.String()
}

// opened opens a set and returns its log too.
func opened(t *testing.T, o Options) (s Set, log string) {
	t.Helper()
	log = logged(t, func() {
		var err error
		if s, err = Open(o); err != nil {
			t.Fatal(err)
		}
	})
	return s, log
}

func TestWebPIsRead(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a", "x.webp"), plainWebP(5, 7, green))
	writeFile(t, filepath.Join(dir, "a", "Y.WEBP"), plainWebP(5, 7, blue))
	s, _ := opened(t, Options{Name: "folder", Dir: dir, Height: 4})
	wantPixel(t, s, read(t, s, 0), 2, 2, blue)
	wantPixel(t, s, read(t, s, 1), 2, 2, green)
}

func TestUnknownFilesAreNamedOnce(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		writeFile(t, filepath.Join(dir, "a", fmt.Sprint(i, ".png")), encoded(t, "png", 4, 4, red, red))
		writeFile(t, filepath.Join(dir, "a", fmt.Sprint(i, ".gif")), []byte("GIF89a"))
		writeFile(t, filepath.Join(dir, "a", fmt.Sprint(".", i)), nil)
		writeFile(t, filepath.Join(dir, "a", ".hidden", fmt.Sprint(i, ".png")), []byte("no image"))
	}
	s, log := opened(t, Options{Name: "folder", Dir: dir, Height: 4})
	if s.Len() != 3 {
		t.Errorf("%d images, want 3: none of a hidden folder", s.Len())
	}
	if strings.Count(log, "skipped") != 1 || !strings.Contains(log, "files=3") || !strings.Contains(log, filepath.Join("a", "0.gif")) {
		t.Errorf("the log is\n%s", log)
	}
}

func TestSplitsWithoutTrainAreNoClasses(t *testing.T) {
	for _, folders := range [][]string{{"test", "val"}, {"Test", "Train"}, {"training", "validation"}, {"val"}} {
		dir := t.TempDir()
		for _, f := range folders {
			writeFile(t, filepath.Join(dir, f, "cat", "x.png"), encoded(t, "png", 4, 4, red, red))
		}
		_, err := Open(Options{Name: "folder", Dir: dir, Height: 4})
		wantError(t, err, strings.Join(folders, " and "), "no train")
	}
	dir := t.TempDir()
	for _, class := range []string{"test", "paper"} {
		writeFile(t, filepath.Join(dir, class, "x.png"), encoded(t, "png", 4, 4, red, red))
	}
	s, log := opened(t, Options{Name: "folder", Dir: dir, Height: 4})
	if len(s.Classes()) != 2 {
		t.Errorf("classes %v", s.Classes())
	}
	if !strings.Contains(log, "a class has the name of a split") || !strings.Contains(log, "class=test") {
		t.Errorf("the log does not say that test is a class:\n%s", log)
	}
}

// TestAClassNamedTrain: train is taken for a split; the error says what to do if it is a class.
func TestAClassNamedTrain(t *testing.T) {
	dir := t.TempDir()
	for _, class := range []string{"car", "train"} {
		writeFile(t, filepath.Join(dir, class, "x.png"), encoded(t, "png", 4, 4, red, red))
	}
	_, err := Open(Options{Name: "folder", Dir: dir, Height: 4})
	wantError(t, err, filepath.Join(dir, "train")+" holds no folders", "rename it if it is a class")
}

// TestALinkToNothingIsNoMissingClass: a class whose folder is away would change the labels of the others.
func TestALinkToNothingIsNoMissingClass(t *testing.T) {
	dir := t.TempDir()
	for _, class := range []string{"a", "c"} {
		writeFile(t, filepath.Join(dir, class, "x.png"), encoded(t, "png", 4, 4, red, red))
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "b")); err != nil {
		t.Skip(err)
	}
	_, err := Open(Options{Name: "folder", Dir: dir, Height: 4})
	wantError(t, err, filepath.Join(dir, "b"), "leads nowhere", "mend it or take it away")
}

// TestImagesInNoClassAreAWarning: they are not in a folder of the split.
func TestImagesInNoClassAreAWarning(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"train/a/x.png", "train/b/x.png", "train/y.png", "train/.z.png", "train/note.txt", "test/a/x.png", "test/b/x.png"} {
		writeFile(t, filepath.Join(dir, file), encoded(t, "png", 4, 4, red, red))
	}
	s, log := opened(t, Options{Name: "folder", Dir: dir, Height: 4})
	if s.Len() != 2 || !strings.Contains(log, "images beside the folders of the classes are skipped") || !strings.Contains(log, "files=1") || !strings.Contains(log, "y.png") {
		t.Errorf("%d images, and the log is\n%s", s.Len(), log)
	}
	if _, log = opened(t, Options{Name: "folder", Dir: dir, Height: 4, Split: "test"}); strings.Contains(log, "beside") {
		t.Errorf("the log of the test images:\n%s", log)
	}
}

func TestAClassMissingFromValSaysSo(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"train/cat", "train/dog", "val/cat"} {
		writeFile(t, filepath.Join(dir, f, "x.png"), encoded(t, "png", 4, 4, red, red))
	}
	_, err := Open(Options{Name: "folder", Dir: dir, Split: "test", Height: 4})
	wantError(t, err, filepath.Join(dir, "val")+" has no folder dog", "class of the training images")
}

func TestAPipeIsNoImage(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(os.DevNull, filepath.Join(dir, "a", "x.png")); err != nil {
		t.Skip(err)
	}
	_, err := Open(Options{Name: "folder", Dir: dir, Height: 4})
	wantError(t, err, "x.png is not a regular file")
}

func TestOddLabelsAreWarnings(t *testing.T) {
	for _, c := range []struct {
		name   string
		labels []byte
		says   []string // nothing: no warning
	}{
		{"begin at 1", []byte{1, 1, 2, 2}, []string{"the labels begin at 1"}},
		{"an empty class", []byte{0, 0, 2, 2}, []string{"classes without an image", `such as"=1`}},
		{"one image", []byte{0, 0, 0, 1}, []string{"classes with a single image", `such as"=1`}},
		{"good", []byte{0, 0, 1, 1}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "train-images-idx3-ubyte"), idxFile(count(16), 4, 2, 2))
			writeFile(t, filepath.Join(dir, "train-labels-idx1-ubyte"), idxFile(c.labels, 4))
			_, log := opened(t, Options{Name: "idx", Dir: dir})
			if n := strings.Count(log, "WARN"); n != min(len(c.says), 1) {
				t.Errorf("%d warnings:\n%s", n, log)
			}
			for _, s := range c.says {
				if !strings.Contains(log, s) {
					t.Errorf("the log does not say %q:\n%s", s, log)
				}
			}
		})
	}
}

func TestAFolderClassWithOneImageIsAWarning(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"a/1.png", "a/2.png", "b/1.png"} {
		writeFile(t, filepath.Join(dir, f), encoded(t, "png", 4, 4, red, red))
	}
	if _, log := opened(t, Options{Name: "folder", Dir: dir, Height: 4}); !strings.Contains(log, "classes with a single image") || !strings.Contains(log, `such as"=b`) {
		t.Errorf("the log is\n%s", log)
	}
}

func TestGreyImagesAreSaidToBeThreeChannels(t *testing.T) {
	dir := t.TempDir()
	var grey bytes.Buffer
	img := image.NewGray(image.Rect(0, 0, 4, 4))
	img.SetGray(0, 0, color.Gray{200})
	encodePNG(t, &grey, img)
	writeFile(t, filepath.Join(dir, "a", "x.png"), grey.Bytes())
	writeFile(t, filepath.Join(dir, "a", "y.png"), encoded(t, "png", 4, 4, red, red))
	s, log := opened(t, Options{Name: "folder", Dir: dir, Height: 4})
	if !strings.Contains(log, "three equal channels") || !strings.Contains(log, "grey=1") {
		t.Errorf("the log is\n%s", log)
	}
	if b := read(t, s, 0); b[0] != 200 || b[16] != 200 || b[32] != 200 {
		t.Errorf("channels %d, %d, %d", b[0], b[16], b[32])
	}
}

func TestBuiltInImagesLogNothing(t *testing.T) {
	if _, log := opened(t, Options{Name: "fashion"}); log != "" {
		t.Error(log)
	}
}

func TestOwnNormalisation(t *testing.T) {
	plain, _ := opened(t, Options{Name: "fashion"})
	own, _ := opened(t, Options{Name: "fashion", Normal: Normal{Mean: []float64{1, 2, 3}, Std: []float64{4, 5, 6}}})
	if mean, std := own.Normal(); !slices.Equal(mean, []float64{1, 2, 3}) || !slices.Equal(std, []float64{4, 5, 6}) {
		t.Errorf("mean %v, deviation %v", mean, std)
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a", "x.png"), encoded(t, "png", 4, 4, red, red))
	for says, n := range map[string]Normal{`mean="[200 0 0]"`: {}, `mean="[1 2 3]"`: {Mean: []float64{1, 2, 3}, Std: []float64{4, 5, 6}}} {
		if _, log := opened(t, Options{Name: "folder", Dir: dir, Height: 4, Normal: n}); !strings.Contains(log, says) {
			t.Errorf("the log does not say %s:\n%s", says, log)
		}
	}
	if own.Hash() == plain.Hash() {
		t.Error("the hash is that of the other normalisation")
	}
	b, err := Gather(own, []int{0})
	if err != nil {
		t.Fatal(err)
	}
	if v := b.Images[0]; v != -.25 {
		t.Errorf("a black red is %v, want (0 − 1)/4", v)
	}
	for _, c := range []struct {
		n    Normal
		says string
	}{
		{Normal{Mean: []float64{1, 2, 3}}, "both are needed"},
		{Normal{Mean: []float64{1, 2}, Std: []float64{1, 2}}, "three numbers: red, green, blue; or with one: grey"},
		{Normal{Mean: []float64{1, 2, 300}, Std: []float64{1, 2, 3}}, "0…255"},
		{Normal{Mean: []float64{1, 2, 3}, Std: []float64{1, 0, 3}}, "above 0"},
		{Normal{Mean: []float64{1, 2, 3}, Std: []float64{1, 2, 1e300}}, "at most 1000"},
		{Normal{Mean: []float64{1, 2, 3}, Std: []float64{1, 1e-40, 3}}, "a byte divided by 1e-40 is no float32"},
		{Normal{Mean: []float64{.5, .5, .5}, Std: []float64{.2, .2, .2}}, "multiply them by 255"},
	} {
		_, err := Open(Options{Name: "fashion", Normal: c.n})
		wantError(t, err, c.says)
	}
}

func TestHoldoutIsStratifiedByClass(t *testing.T) {
	s := synthetic(0, 1, 1)
	s.name = "idx"
	for class, n := range []int{100, 40, 1} {
		s.labels = append(s.labels, bytes.Repeat([]byte{byte(class)}, n)...)
	}
	train, holdout := SplitOff(s, 28, 3)
	var counts [3]int
	for _, i := range holdout {
		counts[s.Label(i)]++
	}
	if counts != [3]int{20, 8, 0} {
		t.Errorf("held out %v of the classes, want 20, 8 and 0", counts)
	}
	all := append(slices.Clone(train), holdout...)
	slices.Sort(all)
	for i, v := range all {
		if v != i || len(all) != s.Len() {
			t.Fatalf("the parts are not the set: %v", all)
		}
	}
	if !slices.IsSorted(train) || !slices.IsSorted(holdout) {
		t.Error("a part is not in order")
	}
	if _, again := SplitOff(s, 28, 3); !slices.Equal(again, holdout) {
		t.Error("the same seed gives another holdout")
	}
	if _, other := SplitOff(s, 28, 4); slices.Equal(other, holdout) {
		t.Error("another seed gives the same holdout")
	}
	if train, holdout := SplitOff(s, 1000, 3); len(train) != 0 || len(holdout) != s.Len() {
		t.Errorf("%d and %d images", len(train), len(holdout))
	}
}

func TestNormalOfImages(t *testing.T) {
	infinite := math.Inf(1)
	for _, c := range []struct {
		mean, std float64
		ok        bool
	}{
		{0, 50, true},
		{255, 50, true},
		{-1, 50, false},
		{256, 50, false},
		{math.NaN(), 50, false},
		{100, 0, false},
		{100, -50, false},
		{100, math.NaN(), false},
		{100, infinite, false},
		{100, 1001, false},
		{0, 255, true},  // 0…1
		{1, 1, false},   // in units of 0…1
		{.9, 20, true},  // dark images
		{100, .9, true}, // images of hardly any contrast
	} {
		if err := (Normal{Mean: []float64{c.mean}, Std: []float64{c.std}}).Validate(); (err == nil) != c.ok {
			t.Errorf("mean %v, std %v: %v", c.mean, c.std, err)
		}
	}
}

// Other images, another mean or another deviation: another hash.
func TestHashOfANormalisation(t *testing.T) {
	a, b := synthetic(1, 1, 1), synthetic(1, 1, 1)
	b.hash = "another"
	seen := map[string]int{}
	for i, c := range []struct {
		s         Set
		mean, std []float64
	}{
		{a, []float64{1, 2, 3}, []float64{4, 5, 6}},
		{a, []float64{1, 2, 7}, []float64{4, 5, 6}},
		{a, []float64{1, 2, 3}, []float64{4, 5, 7}},
		{b, []float64{1, 2, 3}, []float64{4, 5, 6}},
	} {
		s, err := Normal{Mean: c.mean, Std: c.std}.of(c.s)
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := seen[s.Hash()]; ok {
			t.Errorf("sets %d and %d have one hash", before, i)
		}
		seen[s.Hash()] = i
	}
}

// By hand: what a class is owed, rounded down, and the rest by the largest remainders.
func TestShares(t *testing.T) {
	for _, c := range []struct {
		counts []int
		size   int
		want   []int
	}{
		{[]int{100, 40, 1}, 28, []int{20, 8, 0}},  // 19 121/141, 7 133/141, 28/141
		{[]int{10, 7, 3}, 7, []int{4, 2, 1}},      // 3 10/20, 2 9/20, 1 1/20
		{[]int{3, 7, 10}, 7, []int{1, 2, 4}},      // the same, turned
		{[]int{5, 3}, 4, []int{3, 1}},             // 2 4/8, 1 4/8: the first class has precedence
		{[]int{3, 5}, 4, []int{2, 2}},             // 1 4/8, 2 4/8
		{[]int{1, 9}, 5, []int{0, 5}},             // 5/10, 4 5/10: the first class has only this image
		{[]int{1, 9}, 9, []int{1, 8}},             // 9/10, 8 1/10: either gives its last
		{[]int{0, 4}, 4, []int{0, 4}},             //
		{[]int{2, 3, 4}, 0, []int{0, 0, 0}},       //
		{[]int{2, 3, 4}, 9, []int{2, 3, 4}},       //
		{[]int{2, 2, 2, 2}, 3, []int{1, 1, 1, 0}}, // 6/8 each
		{[]int{2, 2, 2, 2}, 5, []int{2, 1, 1, 1}}, // 1 2/8 each
	} {
		if got := shares(c.counts, c.size); !slices.Equal(got, c.want) {
			t.Errorf("%d of %v: %v, want %v", c.size, c.counts, got, c.want)
		}
	}
}

// Each class is divided by draws of its own, of folders and of IDX files.
func TestHoldoutOfEachClass(t *testing.T) {
	s := synthetic(0, 1, 1)
	s.labels = append(bytes.Repeat([]byte{0}, 40), bytes.Repeat([]byte{1}, 40)...)
	for _, s.name = range []string{"folder", "idx"} {
		for seed := range uint64(5) {
			_, holdout := SplitOff(s, 20, seed)
			if len(holdout) != 20 || s.Label(holdout[9]) != 0 || s.Label(holdout[10]) != 1 {
				t.Fatalf("%s, seed %d: held out %v, want ten of each class", s.name, seed, holdout)
			}
			second := slices.Clone(holdout[10:])
			for i := range second {
				second[i] -= 40
			}
			if slices.Equal(holdout[:10], second) {
				t.Errorf("%s, seed %d: both classes are divided alike: %v", s.name, seed, second)
			}
		}
		if train, holdout := SplitOff(s, -1, 3); len(train) != 80 || len(holdout) != 0 {
			t.Errorf("%s: %d and %d images", s.name, len(train), len(holdout))
		}
	}
}

// TestHoldoutOfPublishedSetsIsUnchanged: the rankings in the README come from this division.
func TestHoldoutOfPublishedSetsIsUnchanged(t *testing.T) {
	s := synthetic(50, 1, 1)
	for _, s.name = range []string{"fashion", "cifar10", "cifar100"} {
		train, holdout := SplitOff(s, 10, 1)
		wantTrain, wantHoldout := Holdout(50, 10, 1)
		if !slices.Equal(train, wantTrain) || !slices.Equal(holdout, wantHoldout) {
			t.Errorf("%s: held out %v, want %v", s.name, holdout, wantHoldout)
		}
	}
}
