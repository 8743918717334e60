package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// maxHeader is the longest header that the format allows, in bytes.
const maxHeader = 100_000_000

// File is the content of a file. The tensors are in the order of their data.
type File struct {
	Metadata map[string]string
	Tensors  []Tensor
}

// Tensor finds a tensor by its name. The second result is false if there is none.
func (f *File) Tensor(name string) (Tensor, bool) {
	for _, t := range f.Tensors {
		if t.Name == name {
			return t, true
		}
	}
	return Tensor{}, false
}

// isPickle reports whether data begins as the files of torch.save do: a ZIP archive, before PyTorch 1.6 a pickle of protocol 2.
func isPickle(data []byte) bool {
	return bytes.HasPrefix(data, []byte("PK\x03\x04")) || bytes.HasPrefix(data, []byte("\x80\x02"))
}

// Decode reads a whole file. The tensors share the memory of data. It returns an error for each violation of the format:
// trailing or missing bytes, gaps and overlaps, sizes that do not fit the shape, names that occur twice, unknown members.
func Decode(data []byte) (*File, error) {
	if len(data) < 8 {
		return nil, fmt.Errorf("safetensors: %d bytes are too few for a header's length", len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > maxHeader || n > uint64(len(data)-8) {
		if isPickle(data) {
			return nil, errors.New("safetensors: a file of torch.save; write the state dict with safetensors.torch.save_file")
		}
		return nil, fmt.Errorf("safetensors: header of %d bytes in a file of %d", n, len(data))
	}
	header, body := data[8:8+n], data[8+n:]
	if !utf8.Valid(header) || len(header) == 0 || header[0] != '{' {
		return nil, errors.New("safetensors: header is not a JSON object in UTF-8")
	}
	f, spans, err := decodeHeader(header)
	if err != nil {
		return nil, fmt.Errorf("safetensors: header: %w", err)
	}
	if err := f.place(spans, body); err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return f, nil
}

// span is the range of a tensor's data.
type span struct{ from, to int }

// place assigns each tensor its data.
func (f *File) place(spans map[string]span, body []byte) error {
	slices.SortStableFunc(f.Tensors, func(a, b Tensor) int {
		x, y := spans[a.Name], spans[b.Name]
		return cmp.Or(cmp.Compare(x.from, y.from), cmp.Compare(x.to, y.to))
	})
	at := 0
	for i := range f.Tensors {
		t := &f.Tensors[i]
		s := spans[t.Name]
		size, err := t.size()
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", t.Name, err)
		case s.from != at:
			return fmt.Errorf("%s: data starts at %d, want %d: no gaps, no overlaps", t.Name, s.from, at)
		case s.to-s.from != size || s.to > len(body):
			return fmt.Errorf("%s: data from %d to %d of %d bytes, but its shape takes %d", t.Name, s.from, s.to, len(body), size)
		}
		t.Data = body[s.from:s.to:s.to]
		at = s.to
	}
	if at != len(body) {
		return fmt.Errorf("%d bytes of data that belong to no tensor", len(body)-at)
	}
	return nil
}

func decodeHeader(header []byte) (*File, map[string]span, error) {
	f := &File{}
	spans := map[string]span{}
	d := json.NewDecoder(bytes.NewReader(header))
	seen := map[string]bool{}
	err := members(d, seen, func(name string) error {
		if name == metadataKey {
			f.Metadata = map[string]string{}
			return members(d, map[string]bool{}, func(key string) error {
				value, err := text(d)
				f.Metadata[key] = value
				return err
			})
		}
		t, s, err := decodeEntry(d, name)
		f.Tensors = append(f.Tensors, t)
		spans[name] = s
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if rest := bytes.Trim(header[d.InputOffset():], " "); len(rest) > 0 {
		return nil, nil, fmt.Errorf("%q after the object", rest[:min(len(rest), 20)])
	}
	return f, spans, nil
}

// decodeEntry reads the dtype, shape and data_offsets of one tensor. All three must be there, and no other member.
func decodeEntry(d *json.Decoder, name string) (Tensor, span, error) {
	t := Tensor{Name: name, Shape: []int{}}
	var s span
	seen := map[string]bool{}
	err := members(d, seen, func(key string) error {
		switch key {
		case "dtype":
			v, err := text(d)
			t.DType = DType(v)
			return err
		case "shape":
			var err error
			t.Shape, err = numbers(d, key)
			return err
		case "data_offsets":
			offsets, err := numbers(d, key)
			if err != nil {
				return err
			}
			if len(offsets) != 2 || offsets[0] < 0 || offsets[1] < offsets[0] {
				return fmt.Errorf("data_offsets %v", offsets)
			}
			s = span{offsets[0], offsets[1]}
			return nil
		}
		return fmt.Errorf("unknown member %q", key)
	})
	if err == nil && len(seen) != 3 {
		err = errors.New("needs dtype, shape and data_offsets")
	}
	if err != nil {
		return t, s, fmt.Errorf("%s: %w", name, err)
	}
	return t, s, nil
}

// members reads an object and calls value for each member. It returns an error for a name in seen.
func members(d *json.Decoder, seen map[string]bool, value func(name string) error) error {
	if err := delimiter(d, '{'); err != nil {
		return err
	}
	for d.More() {
		name, err := text(d)
		if err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("%q occurs twice", name)
		}
		seen[name] = true
		if err := value(name); err != nil {
			return err
		}
	}
	return delimiter(d, '}')
}

// numbers reads a list of whole numbers, the value of a member. Package json takes null for a list, and for a number.
func numbers(d *json.Decoder, member string) ([]int, error) {
	var read []*int
	if err := d.Decode(&read); err != nil {
		return nil, err
	}
	if read == nil {
		return nil, fmt.Errorf("%s is null", member)
	}
	list := make([]int, len(read))
	for i, n := range read {
		if n == nil {
			return nil, fmt.Errorf("%s: number %d is null", member, i)
		}
		list[i] = *n
	}
	return list, nil
}

func delimiter(d *json.Decoder, want json.Delim) error {
	t, err := token(d)
	if err == nil && t != want {
		err = fmt.Errorf("found %v, want %v", t, want)
	}
	return err
}

func text(d *json.Decoder) (string, error) {
	t, err := token(d)
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("found %v, want a string", t)
	}
	return s, nil
}

func token(d *json.Decoder) (json.Token, error) {
	t, err := d.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return t, err
}
