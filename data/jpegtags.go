package data

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
)

// jpegTags are facts in the header of a JPEG file that image.DecodeConfig does not tell.
type jpegTags struct {
	progressive bool
	turn        orientation // 0: not given
}

// readJPEGTags reads the segments before the first scan. It keeps at most one segment, 64 KiB. A damaged header ends the
// reading; the decoder reports the damage.
func readJPEGTags(r io.Reader) (t jpegTags) {
	b := bufio.NewReader(r)
	if _, err := b.Discard(2); err != nil { // the start marker
		return t
	}
	for {
		marker, ok := nextMarker(b)
		if !ok || marker == 0xda || marker == 0xd9 { // a scan, or the end
			return t
		}
		var length uint16
		if err := binary.Read(b, binary.BigEndian, &length); err != nil || length < 2 {
			return t
		}
		content := make([]byte, length-2)
		if _, err := io.ReadFull(b, content); err != nil {
			return t
		}
		switch {
		case marker == 0xc2: // the frame of a progressive image
			t.progressive = true
		case marker == 0xe1 && t.turn == 0:
			t.turn = exifOrientation(content)
		}
	}
}

// nextMarker returns the next marker that begins a segment.
func nextMarker(b *bufio.Reader) (marker byte, ok bool) {
	previous := byte(0)
	for {
		v, err := b.ReadByte()
		if err != nil {
			return 0, false
		}
		alone := v == 0x00 || v == 0x01 || v == 0xff || v >= 0xd0 && v <= 0xd7 // fill bytes, and markers without a segment
		if previous == 0xff && !alone {
			return v, true
		}
		previous = v
	}
}

// exifOrientation reads the orientation from a segment APP1: 0 if there is none. The segment is "Exif", two zero bytes and
// a TIFF file: byte order, 42, and the offset of a directory with entries of 12 bytes (tag, type, count, value).
func exifOrientation(segment []byte) orientation {
	tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00"))
	if !ok || len(tiff) < 8 {
		return 0
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 0
	}
	const tag, short = 0x0112, 3
	directory := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(directory) < 12 {
			return 0
		}
		if order.Uint16(directory) == tag && order.Uint16(directory[2:]) == short {
			if o := orientation(order.Uint16(directory[8:])); o <= 8 {
				return o
			}
			return 0
		}
		directory = directory[12:]
	}
	return 0
}
