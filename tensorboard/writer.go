// Package tensorboard writes event files, which TensorBoard reads: scalars, histograms, texts, pictures and hyperparameters over the
// steps of a run. A file is a row of records (TensorFlow's TFRecord); each holds an Event of tensorflow/core/util/event.proto.
package tensorboard

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// fileVersion is that of the first event of a file.
const fileVersion = "brain.Event:2"

// sessionStart is SessionLog.START. A reader that has seen another file of the run drops what it knows from this step on.
const sessionStart = 1

// Writer writes an event file. Each call of Write is one write of whole records.
type Writer struct{ w io.Writer }

// NewWriter begins a file that replaces all earlier ones of its folder. wall is the time of the start in seconds since 1970.
func NewWriter(w io.Writer, wall float64) (*Writer, error) {
	var version, log, session message
	version.double(1, wall)
	version.text(3, fileVersion)
	log.int(1, sessionStart)
	session.double(1, wall)
	session.bytes(7, log)
	_, err := w.Write(appendRecord(appendRecord(nil, version), session))
	if err != nil {
		return nil, fmt.Errorf("tensorboard: %w", err)
	}
	return &Writer{w}, nil
}

// Write appends the values at a step, as one event.
func (w *Writer) Write(wall float64, step int, values ...Value) error {
	var summary, event message
	for _, v := range values {
		summary.bytes(1, message(v))
	}
	event.double(1, wall)
	event.int(2, int64(step))
	event.bytes(5, summary)
	if _, err := w.w.Write(appendRecord(nil, event)); err != nil {
		return fmt.Errorf("tensorboard: %w", err)
	}
	return nil
}

// appendRecord appends a record: the length, its checksum, the data, its checksum; numbers are little-endian.
func appendRecord(b []byte, data []byte) []byte {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = append(b, length...)
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(length))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, maskedCRC(data))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is TFRecord's checksum: CRC-32C, turned right by 15 bits, plus a constant.
func maskedCRC(data []byte) uint32 {
	crc := crc32.Checksum(data, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}

// message is an encoded message in the making.
type message []byte

func (b *message) int(field protowire.Number, v int64) {
	*b = protowire.AppendVarint(protowire.AppendTag(*b, field, protowire.VarintType), uint64(v))
}

func (b *message) double(field protowire.Number, v float64) {
	*b = protowire.AppendFixed64(protowire.AppendTag(*b, field, protowire.Fixed64Type), math.Float64bits(v))
}

func (b *message) float(field protowire.Number, v float32) {
	*b = protowire.AppendFixed32(protowire.AppendTag(*b, field, protowire.Fixed32Type), math.Float32bits(v))
}

// doubles appends a packed list.
func (b *message) doubles(field protowire.Number, list []float64) {
	var packed []byte
	for _, v := range list {
		packed = protowire.AppendFixed64(packed, math.Float64bits(v))
	}
	b.bytes(field, packed)
}

func (b *message) text(field protowire.Number, v string) {
	*b = protowire.AppendString(protowire.AppendTag(*b, field, protowire.BytesType), v)
}

func (b *message) bytes(field protowire.Number, v []byte) {
	*b = protowire.AppendBytes(protowire.AppendTag(*b, field, protowire.BytesType), v)
}
