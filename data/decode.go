package data

import (
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // the formats of image.Decode
	_ "image/png"
	"io"
	"os"
	"slices"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"
)

// maxPixels is the most pixels of an image file. The product of its sides fits an int of 32 bits.
const maxPixels = 100 << 20

// picture is what the header of an image file says.
type picture struct {
	height, width int
	grey          bool
	turn          orientation
	bytes         int64 // memory that the decoder takes, at most
}

// decodeFile reads an image file as planes of height × width. The image is cropped around its centre to the proportion of
// that size and then resized. The header is read first: it decides how long to wait for memory.
func decodeFile(dst []byte, path string, height, width int) (p picture, err error) {
	file, err := os.Open(path)
	if err != nil {
		return p, err
	}
	defer file.Close()
	if p, err = readPicture(file); err != nil {
		return p, err
	}
	toHeight, toWidth := p.turn.stored(height, width)
	from := centre(image.Rect(0, 0, p.width, p.height), toHeight, toWidth)
	scaling := 32 * int64(toWidth) * int64(from.Dy()) // the scaler's doubles: 4 for each column of the result and row of the image
	err = withMemory(p.bytes+scaling, func() error {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		img, _, err := image.Decode(file)
		if err != nil {
			return damaged(err)
		}
		to := image.NewRGBA(image.Rect(0, 0, toWidth, toHeight))
		draw.BiLinear.Scale(to, to.Bounds(), img, from.Add(img.Bounds().Min), draw.Over, nil)
		planar(dst, p.turn.apply(to).Pix)
		return nil
	})
	return p, err
}

// pictureOf opens an image file and reads its header.
func pictureOf(path string) (p picture, err error) {
	file, err := os.Open(path)
	if err != nil {
		return p, err
	}
	defer file.Close()
	err = caught(func() (err error) {
		p, err = readPicture(file)
		return err
	})
	return p, err
}

// damaged is the error of a file that cannot be decoded.
func damaged(err error) error {
	return fmt.Errorf("cannot be read as a JPEG, PNG or WebP image (%w); replace it or take it away", err)
}

// readPicture reads the header of an image file.
func readPicture(file io.ReadSeeker) (p picture, err error) {
	config, format, err := image.DecodeConfig(file)
	if err != nil {
		return p, damaged(err)
	}
	p.height, p.width = config.Height, config.Width
	if p.width < 1 || p.height < 1 || p.width > maxPixels/p.height {
		return p, fmt.Errorf("%d×%d pixels are not possible", p.width, p.height)
	}
	p.grey = isGrey(config.ColorModel)
	var tags jpegTags
	if format == "jpeg" {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return p, err
		}
		tags = readJPEGTags(file)
	}
	p.turn = tags.turn
	p.bytes = pixelBytes(format, config.ColorModel, tags.progressive) * whole(p.height) * whole(p.width)
	return p, nil
}

// isGrey reports whether every pixel of an image of the model is grey: the model has one channel, or a palette of greys.
func isGrey(model color.Model) bool {
	palette, ok := model.(color.Palette)
	if !ok {
		return model == color.GrayModel || model == color.Gray16Model
	}
	return !slices.ContainsFunc(palette, func(c color.Color) bool {
		r, g, b, _ := c.RGBA()
		return r != g || g != b
	})
}

// whole rounds a side up to whole blocks of JPEG, of which the largest have 32 pixels. It makes room for the decoders' rows too.
func whole(side int) int64 { return (int64(side) + 31) / 32 * 32 }

// pixelBytes returns the most memory that the decoder of a format takes for a pixel.
func pixelBytes(format string, model color.Model, progressive bool) int64 {
	switch format {
	case "jpeg":
		if progressive {
			return 24 // an int32 for each of at most four coefficients, and the same as below
		}
		return 8 // four channels, and the conversion to another image of four
	case "webp":
		return 12 // two images of 4 bytes for the colours or the alpha, and one of 4 channels; code tables come on top, 200 MiB at most
	}
	switch model { // PNG: the image, and one of its interlaced passes
	case color.Gray16Model, color.RGBA64Model, color.NRGBA64Model:
		return 16
	}
	return 8
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
