package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image/color"
	"path/filepath"
	"testing"
)

// withOrientation inserts a segment with EXIF's orientation into a JPEG file.
func withOrientation(file []byte, order binary.AppendByteOrder, value uint16) []byte {
	tiff := []byte("II")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		tiff = []byte("MM")
	}
	tiff = order.AppendUint16(tiff, 42)
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 2) // entries
	for _, entry := range [][2]uint16{{0x0100, 7}, {0x0112, value}} {
		tiff = order.AppendUint16(tiff, entry[0])
		tiff = order.AppendUint16(tiff, 3) // of 16 bits
		tiff = order.AppendUint32(tiff, 1)
		tiff = order.AppendUint16(tiff, entry[1])
		tiff = order.AppendUint16(tiff, 0)
	}
	segment := append([]byte("Exif\x00\x00"), tiff...)
	out := append(bytes.Clone(file[:2]), 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(segment)+2))
	return append(append(out, segment...), file[2:]...)
}

// TestEXIFOrientation stores an image whose left half is red and whose right half is blue. EXIF says on which side of the seen
// image the stored top and left are.
func TestEXIFOrientation(t *testing.T) {
	for o, seen := range map[uint16]struct {
		height, width int
		topLeft       color.NRGBA
		bottomLeft    color.NRGBA
		topRight      color.NRGBA
	}{
		0: {16, 32, red, red, blue},
		1: {16, 32, red, red, blue},
		2: {16, 32, blue, blue, red},
		3: {16, 32, blue, blue, red},
		4: {16, 32, red, red, blue},
		5: {32, 16, red, blue, red},
		6: {32, 16, red, blue, red},
		7: {32, 16, blue, red, blue},
		8: {32, 16, blue, red, blue},
		9: {16, 32, red, red, blue},
	} {
		t.Run(fmt.Sprint(o), func(t *testing.T) {
			dir := t.TempDir()
			orders := []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian}
			for k, order := range orders {
				writeFile(t, filepath.Join(dir, "a", fmt.Sprint(k, ".jpg")), withOrientation(encoded(t, "jpeg", 16, 32, red, blue), order, o))
			}
			s, err := Open(Options{Name: "folder", Dir: dir, Height: seen.height, Width: seen.width})
			if err != nil {
				t.Fatal(err)
			}
			for k := range orders {
				b := read(t, s, k)
				wantPixel(t, s, b, 1, 1, seen.topLeft)
				wantPixel(t, s, b, seen.height-2, 1, seen.bottomLeft)
				wantPixel(t, s, b, 1, seen.width-2, seen.topRight)
			}
		})
	}
}

// TestOrientationMovesEveryPixel applies each orientation to 2×3 pixels: a b c, d e f.
func TestOrientationMovesEveryPixel(t *testing.T) {
	for o, want := range map[orientation]string{
		1: "abc def", 2: "cba fed", 3: "fed cba", 4: "def abc",
		5: "ad be cf", 6: "da eb fc", 7: "fc eb da", 8: "cf be ad",
	} {
		if got := letters(o.apply(lettered(2, 3))); got != want {
			t.Errorf("orientation %d: %s, want %s", o, got, want)
		}
	}
}

func FuzzJPEGTags(f *testing.F) {
	plain := []byte{0xff, 0xd8, 0xff, 0xdb, 0, 3, 0, 0xff, 0xc2, 0, 2, 0xff, 0xda}
	f.Add(plain)
	f.Add(withOrientation(plain, binary.LittleEndian, 6))
	f.Add(withOrientation(plain, binary.BigEndian, 65535))
	f.Fuzz(func(t *testing.T, file []byte) {
		if tags := readJPEGTags(bytes.NewReader(file)); tags.turn < 0 || tags.turn > 8 {
			t.Errorf("orientation %d", tags.turn)
		}
	})
}
