package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// metadataKey is the only name in a header that does not belong to a tensor.
const metadataKey = "__metadata__"

// Write writes tensors and the metadata, if it is not empty. Wider element types come first in the data, so that every
// element is aligned. Tensors of equal width keep their order. Equal input gives equal bytes.
func Write(w io.Writer, metadata map[string]string, tensors ...Tensor) error {
	ordered := slices.Clone(tensors)
	slices.SortStableFunc(ordered, func(a, b Tensor) int { return elementSizes[b.DType] - elementSizes[a.DType] })
	header, err := encodeHeader(metadata, ordered)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("safetensors: header: %w", err)
	}
	for _, t := range ordered {
		if _, err := w.Write(t.Data); err != nil {
			return fmt.Errorf("safetensors: %s: %w", t.Name, err)
		}
	}
	return nil
}

// encodeHeader returns the length and the padded JSON.
func encodeHeader(metadata map[string]string, tensors []Tensor) ([]byte, error) {
	type entry struct {
		DType   DType  `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	header := append(make([]byte, 8), '{')
	member := func(key string, value any) error {
		for i, v := range []any{key, value} {
			text, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("safetensors: %s: %w", key, err)
			}
			header = append(append(header, text...), ":,"[i])
		}
		return nil
	}
	if len(metadata) > 0 {
		if err := member(metadataKey, metadata); err != nil {
			return nil, err
		}
	}
	seen := map[string]bool{metadataKey: true}
	at := 0
	for _, t := range tensors {
		if seen[t.Name] || !utf8.ValidString(t.Name) {
			return nil, fmt.Errorf("safetensors: name %q is taken or not UTF-8", t.Name)
		}
		seen[t.Name] = true
		if err := t.check(); err != nil {
			return nil, err
		}
		if err := member(t.Name, entry{t.DType, append([]int{}, t.Shape...), [2]int{at, at + len(t.Data)}}); err != nil {
			return nil, err
		}
		at += len(t.Data)
	}
	if last := len(header) - 1; header[last] == ',' {
		header = header[:last]
	}
	header = append(header, '}')
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	binary.LittleEndian.PutUint64(header, uint64(len(header)-8))
	return header, nil
}
