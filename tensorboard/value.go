package tensorboard

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Value is one value of an event, with its tag: a Summary.Value of tensorflow/core/framework/summary.proto in the wire format.
type Value []byte

// These are numbers of enumerations: of DataType, of the colour spaces of Summary.Image, and of Status in the hparams plugin's api.proto.
const (
	typeString    = 7
	colourRGB     = 3
	statusSuccess = 1
)

// Scalar is a point of the curve tag.
func Scalar(tag string, v float64) Value {
	var b message
	b.text(1, tag)
	b.float(2, float32(v))
	return Value(b)
}

// Histogram counts values in buckets of equal width from the least to the largest. All fields but the counts are of the values, not of
// the buckets.
type Histogram struct {
	Min, Max, Sum, Squares float64
	Counts                 []int // at least one
}

// Value is the histogram at a step of the row of histograms tag.
func (h Histogram) Value(tag string) Value {
	limits, counts, n := make([]float64, len(h.Counts)), make([]float64, len(h.Counts)), 0
	for i, c := range h.Counts {
		limits[i] = h.Min + (h.Max-h.Min)*float64(i+1)/float64(len(h.Counts))
		counts[i] = float64(c)
		n += c
	}
	var histogram, b message
	histogram.double(1, h.Min)
	histogram.double(2, h.Max)
	histogram.double(3, float64(n))
	histogram.double(4, h.Sum)
	histogram.double(5, h.Squares)
	histogram.doubles(6, limits)
	histogram.doubles(7, counts)
	b.text(1, tag)
	b.bytes(5, histogram)
	return Value(b)
}

// Text is a text in Markdown.
func Text(tag, markdown string) Value {
	var shape, one, tensor, b message
	one.int(1, 1)
	shape.bytes(2, one)
	tensor.int(1, typeString)
	tensor.bytes(2, shape)
	tensor.text(8, markdown)
	b.text(1, tag)
	b.bytes(8, tensor)
	b.bytes(9, metadata("text", nil))
	return Value(b)
}

// Image is a picture, as the content of a PNG file of a size in pixels.
func Image(tag string, png []byte, width, height int) Value {
	var picture, b message
	picture.int(1, int64(height))
	picture.int(2, int64(width))
	picture.int(3, colourRGB)
	picture.bytes(4, png)
	b.text(1, tag)
	b.bytes(4, picture)
	return Value(b)
}

// Started tells the HParams dashboard the settings of a run: numbers (float64, int64, uint64), switches (bool) and texts.
func Started(settings map[string]any, wall float64) Value {
	var info message
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		var value, entry message // google.protobuf.Value
		switch v := settings[name].(type) {
		case float64:
			value.double(2, v)
		case int64:
			value.double(2, float64(v))
		case uint64:
			value.double(2, float64(v))
		case bool:
			n := int64(0)
			if v {
				n = 1
			}
			value.int(4, n)
		case string:
			value.text(3, v)
		}
		entry.text(1, name)
		entry.bytes(2, value)
		info.bytes(1, entry)
	}
	info.double(5, wall)
	return ofHParams("_hparams_/session_start_info", 3, info)
}

// Ended tells the HParams dashboard that the run is done.
func Ended(wall float64) Value {
	var info message
	info.int(1, statusSuccess)
	info.double(2, wall)
	return ofHParams("_hparams_/session_end_info", 4, info)
}

// ofHParams is a value for the plugin hparams: its content is in the metadata, in one field of HParamsPluginData.
func ofHParams(tag string, field protowire.Number, content message) Value {
	var data, b message
	data.bytes(field, content)
	b.text(1, tag)
	b.bytes(9, metadata("hparams", data))
	return Value(b)
}

// metadata is a SummaryMetadata that names the plugin of a value.
func metadata(plugin string, content message) message {
	var data, b message
	data.text(1, plugin)
	if content != nil {
		data.bytes(2, content)
	}
	b.bytes(1, data)
	return b
}
