package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// cifarFormat is one of the two binary versions. A record has label bytes, the last of which is the class, and 3,072
// pixel bytes: the red, green and blue planes of 32×32. Source: https://www.cs.toronto.edu/~kriz/cifar.html
type cifarFormat struct {
	folder     string              // the archive's own folder
	files      map[string][]string // by split
	records    map[string]int      // in each file, by split
	labelBytes int
	classes    []string
	mean, std  [3]float64 // of the training images
}

const (
	cifarSide   = 32
	cifarPixels = 3 * cifarSide * cifarSide
)

// The means and standard deviations are those of the CIFAR pipelines of NAS-Bench-201 (AutoDL-Projects).
var (
	cifar10 = cifarFormat{
		folder: "cifar-10-batches-bin",
		files: map[string][]string{
			train: {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
			test:  {"test_batch.bin"},
		},
		records:    map[string]int{train: 10000, test: 10000},
		labelBytes: 1,
		classes:    strings.Fields("airplane automobile bird cat deer dog frog horse ship truck"),
		mean:       [3]float64{125.3, 123.0, 113.9},
		std:        [3]float64{63.0, 62.1, 66.7},
	}
	cifar100 = cifarFormat{
		folder:     "cifar-100-binary",
		files:      map[string][]string{train: {"train.bin"}, test: {"test.bin"}},
		records:    map[string]int{train: 50000, test: 10000},
		labelBytes: 2,
		classes: strings.Fields(`apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
			butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
			dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion
			lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear
			pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark
			shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone
			television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm`),
		mean: [3]float64{129.3, 124.1, 112.4},
		std:  [3]float64{68.2, 65.4, 70.4},
	}
)

// openCIFAR reads the binary version from o.Dir or from the archive's own folder in it. The Hash is the SHA-256 of the
// split's records in the order of its files.
func openCIFAR(o Options, f cifarFormat) (Set, error) {
	dir, err := f.locate(o.Dir, o.Split)
	if err != nil {
		return nil, err
	}
	files, records := f.files[o.Split], f.records[o.Split]
	for _, name := range files { // before memory for all of them is taken
		path := filepath.Join(dir, name)
		err := f.checkFile(path, records)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is missing; the %s split is %s", path, o.Split, strings.Join(files, ", "))
		}
		if err != nil {
			return nil, err
		}
	}
	total := len(files) * records
	m := &memory{
		name: o.Name, classes: f.classes, height: cifarSide, width: cifarSide, stored: colour, mean: f.mean[:], std: f.std[:],
		labels: make([]byte, 0, total), pixels: make([]byte, 0, total*cifarPixels),
	}
	if err := m.give(o.Channels); err != nil {
		return nil, err
	}
	sum := sha256.New()
	for _, name := range files {
		if err := f.readFile(m, filepath.Join(dir, name), records, sum); err != nil {
			return nil, err
		}
	}
	m.hash = hex.EncodeToString(sum.Sum(nil))
	if o.Height == 0 {
		return m, nil
	}
	return resize(m, o.Height, o.Width), nil
}

// locate returns the folder that holds the split's first file.
func (f cifarFormat) locate(dir, split string) (string, error) {
	first := f.files[split][0]
	for _, d := range []string{dir, filepath.Join(dir, f.folder)} {
		if _, err := os.Stat(filepath.Join(d, first)); err == nil {
			return d, nil
		}
	}
	const source = "the archive called “binary version” at https://www.cs.toronto.edu/~kriz/cifar.html has it"
	python := []string{strings.TrimSuffix(first, ".bin"), "cifar-10-batches-py", "cifar-100-python"}
	for _, name := range python {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return "", fmt.Errorf("%s holds the Python version of the set (%s), the binary one is needed; %s", dir, name, source)
		}
	}
	return "", fmt.Errorf("no %s in %s or its folder %s; %s", first, dir, f.folder, source)
}

// checkFile returns an error if a file cannot hold the given number of records.
func (f cifarFormat) checkFile(path string, records int) error {
	file, size, err := openRegular(path)
	if err != nil {
		return err
	}
	defer file.Close()
	magic := make([]byte, 2)
	if n, _ := io.ReadFull(file, magic); n == 2 && magic[0] == 0x1f && magic[1] == 0x8b && size != f.size(records) {
		return fmt.Errorf("%s is a gzip archive, unpack it first", path)
	}
	if err := f.checkSize(size, records); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// readFile appends the records of a file to m and to sum.
func (f cifarFormat) readFile(m *memory, path string, records int, sum io.Writer) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := f.parse(m, io.TeeReader(file, sum), records); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// parse appends the classes and pixels of the records of a file to m.
func (f cifarFormat) parse(m *memory, file io.Reader, records int) error {
	record := make([]byte, f.labelBytes+cifarPixels)
	for i := range records {
		if _, err := io.ReadFull(file, record); err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
		label := record[f.labelBytes-1]
		if int(label) >= len(f.classes) {
			return fmt.Errorf("record %d: label %d, but there are only %d classes", i, label, len(f.classes))
		}
		m.labels = append(m.labels, label)
		m.pixels = append(m.pixels, record[f.labelBytes:]...)
	}
	return nil
}

// size returns the bytes of a file with the given number of records.
func (f cifarFormat) size(records int) int64 { return int64(records) * int64(f.labelBytes+cifarPixels) }

func (f cifarFormat) checkSize(size int64, records int) error {
	want := f.size(records)
	if size == want {
		return nil
	}
	where := "truncated"
	if size > want {
		where = "too long, or another format"
	}
	record := f.size(1)
	return fmt.Errorf("%s: it ends in record %d with %d bytes; %d records of %d bytes make %d", where, size/record, size, records, record, want)
}
