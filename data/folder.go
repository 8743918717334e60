package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

const (
	folderNormalImages = 256 // measure the mean and deviation
	testShare          = 5   // of a folder without its own split, every fifth image is for testing
)

// folder is a set that decodes its images in Read.
type folder struct {
	name          string
	classes       []string
	files         []string
	labels        []int
	height, width int
	channels      int
	mean, std     []float64
	hash          string
	skipped       []string     // files that are no images
	outside       []string     // images that are in no class
	grey          atomic.Int64 // images read so far that were grey
}

func (f *folder) Name() string                  { return f.name }
func (f *folder) Len() int                      { return len(f.files) }
func (f *folder) Classes() []string             { return f.classes }
func (f *folder) Size() (height, width int)     { return f.height, f.width }
func (f *folder) Channels() int                 { return f.channels }
func (f *folder) Label(i int) int               { return f.labels[i] }
func (f *folder) Normal() (mean, std []float64) { return f.mean, f.std }
func (f *folder) Hash() string                  { return f.hash }

// openFolder lists an ImageFolder. Its images are in ROOT/train/CLASS/… and ROOT/test/CLASS/… (or ROOT/val), or in
// ROOT/CLASS/…. In the latter, every fifth image of a class, in the order of the names, is for testing.
//
// Images are files that end in .jpg, .jpeg, .png or .webp, at any depth below their class. Other files are skipped with a
// warning, hidden files and folders without one. Classes are numbered in the order of the names of the training folders.
// Each image is turned as its EXIF orientation says (JPEG), cropped around its centre to the proportion of the requested
// size and resized by bilinear filtering. Transparent pixels are black. The images have one channel if the files of all
// training images are grey, and three otherwise: a grey image is three equal planes then. Mean and standard deviation are those
// of 256 training images, evenly spaced in that order. The Hash is that of the names and sizes.
func openFolder(o Options) (Set, error) {
	if o.Height == 0 {
		return nil, ErrNoSize
	}
	root := o.Dir
	trainRoot := filepath.Join(root, train)
	ownSplit := isDir(trainRoot)
	if !ownSplit {
		trainRoot = root
	}
	training, err := readClasses(trainRoot)
	if err != nil {
		return nil, err
	}
	if !ownSplit {
		if err := training.checkNoSplit(); err != nil {
			return nil, err
		}
	}
	trainSet := &folder{name: o.Name, classes: training.names, height: o.Height, width: o.Width}
	if err := trainSet.list(training, func(k int) bool { return ownSplit || k%testShare != testShare-1 }); err != nil {
		return nil, err
	}
	if err := trainSet.give(o.Channels); err != nil {
		return nil, err
	}
	mean, std, err := measure(trainSet, folderNormalImages)
	if err != nil {
		return nil, err
	}
	s := trainSet
	if o.Split == test {
		s = &folder{name: o.Name, classes: training.names, height: o.Height, width: o.Width}
		if ownSplit {
			err = s.listTest(root)
		} else {
			err = s.list(training, func(k int) bool { return k%testShare == testShare-1 })
		}
		if err != nil {
			return nil, err
		}
		if err := s.give(trainSet.channels); err != nil {
			return nil, fmt.Errorf("the training images are grey, but %w", err)
		}
	}
	s.mean, s.std = mean, std
	s.warn(root, o.Split)
	if i := slices.IndexFunc(training.names, isSplitName); i >= 0 && !ownSplit && o.Split == train {
		slog.Warn("a class has the name of a split", "set", root, "class", training.names[i])
	}
	if n := trainSet.grey.Load(); n > 0 && s.channels == colour {
		slog.Info("grey images are read as three equal channels", "set", o.Dir, "grey", n, "of the images looked at", min(folderNormalImages, trainSet.Len()))
	}
	return s, nil
}

// give sets the channels of the images that Read gives. 0: those of the files, 1 if all are grey. It reads headers up to the
// first file in colour.
func (f *folder) give(channels int) error {
	f.channels = colour
	if channels == colour {
		return nil
	}
	coloured, err := f.coloured()
	switch {
	case err != nil:
		return err
	case coloured == "":
		f.channels = grey
	case channels == grey:
		return fmt.Errorf("%s %w", coloured, ErrColour)
	}
	return nil
}

// coloured returns the first file that is not grey, or "".
func (f *folder) coloured() (string, error) {
	for _, path := range f.files {
		p, err := pictureOf(path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		if !p.grey {
			return path, nil
		}
	}
	return "", nil
}

// splitNames are names of folders that hold a split and no class.
var splitNames = []string{"train", "training", "test", "testing", "val", "valid", "validation"}

func isSplitName(folder string) bool { return slices.Contains(splitNames, strings.ToLower(folder)) }

// checkNoSplit returns an error if all folders are splits.
func (c classFolders) checkNoSplit() error {
	if !slices.ContainsFunc(c.names, func(name string) bool { return !isSplitName(name) }) {
		return fmt.Errorf("%s holds %s, but no train: the training images belong into a folder train, with one folder for each class", c.root, strings.Join(c.names, " and "))
	}
	return nil
}

// warn logs what is probably a mistake in the files of a set.
func (f *folder) warn(root, split string) {
	if n := len(f.skipped); n > 0 {
		slog.Warn("files that are no .jpg, .jpeg, .png or .webp are skipped", "set", root, "split", split, "files", n, "such as", f.skipped[0])
	}
	if n := len(f.outside); n > 0 {
		slog.Warn("images beside the folders of the classes are skipped", "set", root, "split", split, "files", n, "such as", f.outside[0])
	}
	counts := make([]int, len(f.classes))
	for _, label := range f.labels {
		counts[label]++
	}
	warnOfClasses(root, split, f.classes, counts)
}

// listTest lists the images of the folder test, or val.
func (f *folder) listTest(root string) error {
	for _, name := range []string{test, "val"} {
		dir := filepath.Join(root, name)
		if !isDir(dir) {
			continue
		}
		present, err := readClasses(dir)
		if err != nil {
			return err
		}
		for _, class := range present.names {
			if !slices.Contains(f.classes, class) {
				return fmt.Errorf("%s is not a class of the training images", filepath.Join(dir, class))
			}
		}
		for _, class := range f.classes {
			if !slices.Contains(present.names, class) {
				return fmt.Errorf("%s has no folder %s, which is a class of the training images", dir, class)
			}
		}
		return f.list(present, func(int) bool { return true })
	}
	return fmt.Errorf("%s has a folder train, but neither test nor val", root)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// classFolders is a folder with a folder for each class.
type classFolders struct {
	root   string
	names  []string // sorted
	beside []string // paths of images that are in no class
}

// readClasses reads a folder of classes. A link to nothing is an error: it may have been a class.
func readClasses(root string) (classFolders, error) {
	c := classFolders{root: root}
	entries, err := os.ReadDir(root)
	if err != nil {
		return c, err
	}
	for _, e := range entries {
		path := filepath.Join(root, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return c, fmt.Errorf("a link that leads nowhere, or to what cannot be read; mend it or take it away: %w", err)
		case info.IsDir():
			c.names = append(c.names, e.Name())
		case isImageName(path):
			c.beside = append(c.beside, path)
		}
	}
	if len(c.names) == 0 && isSplitName(filepath.Base(root)) {
		return c, fmt.Errorf("%s holds no folders: as the split of that name it needs one for each class, with its JPEG, PNG and WebP files inside; rename it if it is a class", root)
	}
	if len(c.names) == 0 {
		return c, fmt.Errorf("%s holds no folders: one for each class is needed, with its JPEG, PNG and WebP files inside", root)
	}
	return c, nil
}

// list appends the images of every class of f for which keep returns true; k is the place of the image in its class. It
// returns an error if a class has no images.
func (f *folder) list(in classFolders, keep func(k int) bool) error {
	root := in.root
	f.outside = append(f.outside, in.beside...)
	sum := sha256.New()
	for label, class := range f.classes {
		dir := filepath.Join(root, class)
		images, skipped, err := imageFiles(dir)
		if err != nil {
			return err
		}
		f.skipped = append(f.skipped, skipped...)
		for k, name := range images {
			if !keep(k) {
				continue
			}
			path := filepath.Join(dir, name)
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			if !info.Mode().IsRegular() {
				return fmt.Errorf("%s is not a regular file", path)
			}
			fmt.Fprintf(sum, "%q %d\n", class+"/"+filepath.ToSlash(name), info.Size())
			f.files = append(f.files, path)
			f.labels = append(f.labels, label)
		}
		if len(images) == 0 {
			return fmt.Errorf("%s holds no .jpg, .jpeg, .png or .webp file", dir)
		}
	}
	if len(f.files) == 0 {
		return fmt.Errorf("%s has fewer than %d images in each class, so that none is left for testing", root, testShare)
	}
	f.hash = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// isImageName reports whether a file has the ending of an image.
func isImageName(file string) bool {
	return slices.Contains([]string{".jpg", ".jpeg", ".png", ".webp"}, strings.ToLower(filepath.Ext(file)))
}

// imageFiles returns the names of the images at any depth below dir, in the order of fs.WalkDir, and the paths of the files
// that are no images. Hidden files and folders are in neither.
func imageFiles(dir string) (images, skipped []string, err error) {
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir():
			if isImageName(name) {
				images = append(images, name)
			} else {
				skipped = append(skipped, filepath.Join(dir, name))
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", dir, err)
	}
	return images, skipped, nil
}

func (f *folder) Read(dst []byte, i int) error {
	if err := checkRead(f, dst, i); err != nil {
		return err
	}
	var p picture
	err := caught(func() (err error) {
		p, err = decodeFile(dst, f.files[i], f.height, f.width)
		return err
	})
	if err != nil {
		return fmt.Errorf("data: folder: %s: %w", f.files[i], err)
	}
	if p.grey {
		f.grey.Add(1)
	}
	return nil
}
