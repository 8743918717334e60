package cuda

import (
	"fmt"

	"bnas/kernels"
)

// form is an arrangement of a convolution's weights, the `form` of pack_weights in kernels/gpu/pack.cu.
type form int64

const (
	forwardForm   form = iota // [tap][in][out]
	gradientForm              // [tap][out][in]
	depthwiseForm             // [tap][channel]
	rawForm                   // [out][in/groups][tap], as the store has it
)

type packKey struct {
	id   kernels.ParamID
	form form
}

// packing is a packed form of a parameter, and the version of the parameter that it was made from.
type packing struct {
	at      Ptr
	version uint64
}

// pitchOf is the room for a number of channels in a feature map.
func pitchOf(channels int) int { return (channels + 7) &^ 7 }

// packedForm returns where a form of a convolution's weights lies. It is made, or made again, by pack.
func (s *store) packedForm(id kernels.ParamID, f form) (Ptr, error) {
	if f == rawForm {
		return s.address(id, kernels.Data)
	}
	key := packKey{id, f}
	if p := s.packed[key]; p != nil {
		return p.at, nil
	}
	shape := s.params[id].Shape
	taps := shape[2] * shape[3]
	size := taps * pitchOf(shape[0]) * 4
	if f != depthwiseForm {
		size = taps * pitchOf(shape[0]) * pitchOf(shape[1]) * s.d.options.Precision.bytes()
	}
	at, err := s.d.driver.Alloc(align(int64(size)))
	if err != nil {
		return 0, fmt.Errorf("packed weights of %s: %w", s.params[id].Name, err)
	}
	s.d.held += align(int64(size))
	s.packed[key] = &packing{at: at}
	return at, nil
}

// pack makes a form anew if the weights have changed since it was made.
func (s *store) pack(id kernels.ParamID, f form) error {
	p := s.packed[packKey{id, f}]
	if p == nil || p.version == s.version[id]+1 {
		return nil
	}
	src, err := s.address(id, kernels.Data)
	if err != nil {
		return err
	}
	shape := s.params[id].Shape
	kind := int64(0)
	switch f {
	case forwardForm:
		kind = packType[s.d.options.Precision]
	case gradientForm:
		kind = packType[s.d.options.Precision.gradient()]
	}
	taps := shape[2] * shape[3]
	in := shape[1]
	count := taps * pitchOf(shape[0])
	if f != depthwiseForm {
		count *= pitchOf(in)
	}
	err = s.d.driver.Launch(Compute, &Launch{
		Kernel: "pack_weights", Grid: [3]int{(count + 255) / 256, 1, 1}, Block: [3]int{256, 1, 1},
		Args: words(p.at, src, shape[0], in, taps, f, kind),
	})
	if err == nil {
		p.version = s.version[id] + 1
	}
	return err
}

// packType is the `type` of pack_weights.
var packType = map[Precision]int64{FP32: 0, TF32: 1, F16: 2, BF16: 3}
