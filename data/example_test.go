package data_test

import (
	"fmt"
	"log"

	"bnas.example/data"
)

// The built-in set needs no files.
func ExampleOpen() {
	set, err := data.Open(data.Options{Name: "fashion"})
	if err != nil {
		log.Fatal(err)
	}
	height, width := set.Size()
	fmt.Printf("%d images of %d×%d, %d classes\n", set.Len(), height, width, len(set.Classes()))
	fmt.Println("class of the first image:", set.Classes()[set.Label(0)])
	// Output:
	// 8000 images of 32×32, 10 classes
	// class of the first image: Ankle boot
}

// A Loader makes the batch of any step.
func ExampleLoader() {
	set, err := data.Open(data.Options{Name: "fashion"})
	if err != nil {
		log.Fatal(err)
	}
	loader, err := data.NewLoader(set, nil, 64, data.Augment{PadCrop: 4, Flip: true}, 0)
	if err != nil {
		log.Fatal(err)
	}
	batch, err := loader.At(3)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d images of 3×%d×%d\n", len(batch.Labels), batch.Height, batch.Width)
	fmt.Println("steps per epoch:", loader.StepsPerEpoch())
	// Output:
	// 64 images of 3×32×32
	// steps per epoch: 125
}
