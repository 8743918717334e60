package data

import (
	"embed"
	"io/fs"
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
	files, err := fs.Sub(fashionFiles, "fashion")
	if err != nil {
		return nil, err
	}
	if o.Height == 0 {
		o.Height, o.Width = 32, 32
	}
	if o.Channels == 0 {
		o.Channels = colour
	}
	return openIDX(files, o, fashionClasses)
}
