//go:build ignore

// Command make_fashion rebuilds data/fashion, the subset of Fashion-MNIST inside the program, from the four original
// files (Debian's package dataset-fashion-mnist puts them in the folder that -in names by default). It takes the first
// 800 training and the first 200 test images of each class, in the order of the files, and writes them as IDX files:
//
//	go run scripts/make_fashion.go
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
)

const (
	classes = 10
	pixels  = 28 * 28
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("make_fashion: ")
	in := flag.String("in", "/usr/share/datasets/fashion-mnist", "folder of the original files")
	out := flag.String("out", "data/fashion", "folder to write")
	flag.Parse()
	for _, part := range []struct {
		prefix   string
		perClass int
	}{{"train", 800}, {"t10k", 200}} {
		if err := reduce(*in, *out, part.prefix, part.perClass); err != nil {
			log.Fatal(err)
		}
	}
}

// reduce keeps the first perClass images of each class of one split.
func reduce(in, out, prefix string, perClass int) error {
	imageFile, labelFile := prefix+"-images-idx3-ubyte.gz", prefix+"-labels-idx1-ubyte.gz"
	images, err := unpack(filepath.Join(in, imageFile), 16)
	if err != nil {
		return err
	}
	labels, err := unpack(filepath.Join(in, labelFile), 8)
	if err != nil {
		return err
	}
	if len(images) != len(labels)*pixels {
		return fmt.Errorf("%s: %d labels, %d bytes of images", prefix, len(labels), len(images))
	}
	var keptImages, keptLabels []byte
	var taken [classes]int
	for i, label := range labels {
		if taken[label] < perClass {
			taken[label]++
			keptImages = append(keptImages, images[i*pixels:(i+1)*pixels]...)
			keptLabels = append(keptLabels, label)
		}
	}
	n := uint32(len(keptLabels))
	if err := pack(filepath.Join(out, imageFile), keptImages, 0x803, n, 28, 28); err != nil {
		return err
	}
	return pack(filepath.Join(out, labelFile), keptLabels, 0x801, n)
}

// unpack returns what a compressed IDX file holds after its header.
func unpack(path string, header int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b[header:], nil
}

// pack writes a compressed IDX file, which has no time and no name in it: the same content gives the same file.
func pack(path string, content []byte, header ...uint32) error {
	var file bytes.Buffer
	z, err := gzip.NewWriterLevel(&file, gzip.BestCompression)
	if err != nil {
		return err
	}
	if err := binary.Write(z, binary.BigEndian, header); err != nil {
		return err
	}
	if _, err := z.Write(content); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, file.Bytes(), 0o666)
}
