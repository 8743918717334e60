package data

import (
	"embed"
	"io/fs"
	"sync"
)

// fashionFiles is a subset of Fashion-MNIST, MIT licence, © 2017 Zalando SE: see fashion/LICENSE.
//
//go:generate sh -c "cd .. && go run scripts/make_fashion.go"
//go:embed fashion
var fashionFiles embed.FS

var fashionClasses = []string{
	"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
}

// FashionLicense is the notice that copies of the embedded images must carry.
//
//go:embed fashion/LICENSE
var FashionLicense string

// openFashion opens the embedded set. Its 28×28 images get a border of zeros to 32×32, unless o has another size, and three equal
// channels, unless o has one.
func openFashion(o Options) (Set, error) {
	if o.Height == 0 {
		o.Height, o.Width = 32, 32
	}
	if o.Channels == 0 {
		o.Channels = colour
	}
	return openIDX(idxSource{fashionSplit, fashionNormal}, o, fashionClasses)
}

// fashionSplits reads each split once in a process: a command opens the set several times, and unpacking it takes longer than a short
// training.
var fashionSplits = map[string]func() (*memory, error){
	train: sync.OnceValues(func() (*memory, error) { return readFashion(train) }),
	test:  sync.OnceValues(func() (*memory, error) { return readFashion(test) }),
}

func readFashion(split string) (*memory, error) {
	files, err := fs.Sub(fashionFiles, "fashion")
	if err != nil {
		return nil, err
	}
	return readIDX(files, "", split)
}

// fashionSplit returns a set of its own with the shared labels and pixels of a split.
func fashionSplit(split string) (*memory, error) {
	shared, err := fashionSplits[split]()
	if err != nil {
		return nil, err
	}
	own := *shared
	return &own, nil
}

// shapeOfImages is what the mean and standard deviation of the embedded set depend on.
type shapeOfImages struct{ channels, height, width int }

// fashionNormals has the mean and standard deviation, [2][]float64, of each shapeOfImages that was asked for.
var fashionNormals sync.Map

// fashionNormal measures the training images of the embedded set, once for each shape.
func fashionNormal(s Set) (mean, std []float64, err error) {
	shape := shapeOfImages{channels: s.Channels()}
	shape.height, shape.width = s.Size()
	if known, ok := fashionNormals.Load(shape); ok {
		both := known.([2][]float64)
		return both[0], both[1], nil
	}
	if mean, std, err = measure(s, normalImages); err != nil {
		return nil, nil, err
	}
	fashionNormals.Store(shape, [2][]float64{mean, std})
	return mean, std, nil
}
