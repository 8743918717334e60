package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // the formats of image.Decode
	_ "image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/image/draw"
)

const (
	folderNormalImages = 256       // measure the mean and deviation
	testShare          = 5         // of a folder without its own split, every fifth image is for testing
	maxPixels          = 100 << 20 // of a file; bounds the memory for a damaged header
)

// folder is a set that decodes its images in Read.
type folder struct {
	name          string
	classes       []string
	files         []string
	labels        []int
	height, width int
	mean, std     [3]float64
	hash          string
}

func (f *folder) Name() string                   { return f.name }
func (f *folder) Len() int                       { return len(f.files) }
func (f *folder) Classes() []string              { return f.classes }
func (f *folder) Size() (height, width int)      { return f.height, f.width }
func (f *folder) Label(i int) int                { return f.labels[i] }
func (f *folder) Normal() (mean, std [3]float64) { return f.mean, f.std }
func (f *folder) Hash() string                   { return f.hash }

// openFolder lists an ImageFolder. Its images are in ROOT/train/CLASS/… and ROOT/test/CLASS/… (or ROOT/val), or in
// ROOT/CLASS/…. In the latter, every fifth image of a class, in the order of the names, is for testing.
//
// Images are files that end in .jpg, .jpeg or .png, at any depth below their class. Other files and hidden folders are
// skipped. Classes are numbered in the order of the names of the training folders. Each image is cropped around its
// centre to the proportion of the requested size and resized by bilinear filtering. Transparent pixels are black. Mean
// and standard deviation are those of 256 training images, evenly spaced in that order. The Hash is that of the names and
// sizes.
func openFolder(o Options) (Set, error) {
	if o.Height == 0 {
		return nil, errors.New("the images of a folder have no common size: give the height and width they shall have")
	}
	root := o.Dir
	trainRoot := filepath.Join(root, train)
	ownSplit := isDir(trainRoot)
	if !ownSplit {
		trainRoot = root
	}
	classes, err := classFolders(trainRoot)
	if err != nil {
		return nil, err
	}
	trainSet := &folder{name: o.Name, classes: classes, height: o.Height, width: o.Width}
	if err := trainSet.list(trainRoot, func(k int) bool { return ownSplit || k%testShare != testShare-1 }); err != nil {
		return nil, err
	}
	mean, std, err := measure(trainSet, folderNormalImages)
	if err != nil {
		return nil, err
	}
	s := trainSet
	if o.Split == test {
		s = &folder{name: o.Name, classes: classes, height: o.Height, width: o.Width}
		if err := s.listTest(root, ownSplit); err != nil {
			return nil, err
		}
	}
	s.mean, s.std = mean, std
	return s, nil
}

func (f *folder) listTest(root string, ownSplit bool) error {
	if !ownSplit {
		return f.list(root, func(k int) bool { return k%testShare == testShare-1 })
	}
	for _, name := range []string{test, "val"} {
		dir := filepath.Join(root, name)
		if !isDir(dir) {
			continue
		}
		present, err := classFolders(dir)
		if err != nil {
			return err
		}
		for _, class := range present {
			if !slices.Contains(f.classes, class) {
				return fmt.Errorf("%s is not a class of the training images", filepath.Join(dir, class))
			}
		}
		return f.list(dir, func(int) bool { return true })
	}
	return fmt.Errorf("%s has a folder train, but neither test nor val", root)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// classFolders returns the names of the folders in dir, sorted.
func classFolders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && isDir(filepath.Join(dir, e.Name())) {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s holds no folders: one for each class is needed, with its JPEG and PNG files inside", dir)
	}
	return names, nil
}

// list appends the images of every class of f for which keep returns true; k is the place of the image in its class. It
// returns an error if a class has no images.
func (f *folder) list(root string, keep func(k int) bool) error {
	sum := sha256.New()
	for label, class := range f.classes {
		dir := filepath.Join(root, class)
		images, err := imageFiles(dir)
		if err != nil {
			return err
		}
		for k, name := range images {
			if !keep(k) {
				continue
			}
			path := filepath.Join(dir, name)
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(sum, "%q %d\n", class+"/"+filepath.ToSlash(name), info.Size())
			f.files = append(f.files, path)
			f.labels = append(f.labels, label)
		}
		if len(images) == 0 {
			return fmt.Errorf("%s holds no .jpg, .jpeg or .png file", dir)
		}
	}
	if len(f.files) == 0 {
		return fmt.Errorf("%s has fewer than %d images in each class, so that none is left for testing", root, testShare)
	}
	f.hash = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// imageFiles returns the names of the images at any depth below dir, in the order of fs.WalkDir.
func imageFiles(dir string) ([]string, error) {
	var images []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch strings.ToLower(filepath.Ext(name)) {
		case ".jpg", ".jpeg", ".png":
			if !d.IsDir() && !strings.HasPrefix(d.Name(), ".") {
				images = append(images, name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return images, nil
}

func (f *folder) Read(dst []byte, i int) error {
	if err := checkRead(f, dst, i); err != nil {
		return err
	}
	img, err := decodeFile(f.files[i])
	if err != nil {
		return fmt.Errorf("data: folder: %s: %w", f.files[i], err)
	}
	to := image.NewRGBA(image.Rect(0, 0, f.width, f.height))
	draw.BiLinear.Scale(to, to.Bounds(), img, centre(img.Bounds(), f.height, f.width), draw.Over, nil)
	planar(dst, to.Pix)
	return nil
}

func decodeFile(path string) (image.Image, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	config, _, err := image.DecodeConfig(file)
	if err != nil {
		return nil, err
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxPixels/config.Height {
		return nil, fmt.Errorf("%d×%d pixels are not possible", config.Width, config.Height)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	img, _, err := image.Decode(file)
	return img, err
}

// centre returns the largest rectangle in the middle of r with the proportion height:width.
func centre(r image.Rectangle, height, width int) image.Rectangle {
	h, w := r.Dy(), r.Dx()
	if h*width > w*height {
		h = max(1, w*height/width)
	} else {
		w = max(1, h*width/height)
	}
	top, left := r.Min.Y+(r.Dy()-h)/2, r.Min.X+(r.Dx()-w)/2
	return image.Rect(left, top, left+w, top+h)
}
