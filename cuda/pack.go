package cuda

import (
	"fmt"

	"bnas.example/cuda/driver"
	"bnas.example/kernels"
)

// form is an arrangement of a convolution's weights, the `form` of pack_weights in kernels/gpu/pack.cu.
type form int64

const (
	forwardForm   form = iota // [tap][in][out]
	gradientForm              // [tap][out][in]
	depthwiseForm             // [tap][channel]
	rawForm                   // [out][in/groups][tap], as the store has it
)

// packKey names a form of the leading outputs and inputs of a weight.
type packKey struct {
	id      kernels.ParamID
	form    form
	out, in int // in of a group
}

// packing is a packed form of a parameter, and the version of the parameter that it was made from.
type packing struct {
	at      driver.Ptr
	version uint64
}

// pitchOf is the room for a number of channels in a feature map.
func pitchOf(channels int) int { return (channels + 7) &^ 7 }

// packKey names a form of the weight of a branch.
func (e *exec) packKey(s *kernels.Step, b kernels.Branch, f form) packKey {
	shape := e.p.WeightShape(s, b)
	return packKey{b.Weight, f, shape[0], shape[1]}
}

// packedForm returns where a form of a convolution's weights lies. It is made, or made again, by pack.
func (s *store) packedForm(key packKey) (driver.Ptr, error) {
	id, f := key.id, key.form
	if shape := s.params[id].Shape; f == rawForm && key.in == shape[1] {
		return s.address(id, kernels.Data)
	}
	if p := s.packed[key]; p != nil {
		return p.at, nil
	}
	size := s.packedLen(key) * s.operand(f).bytes()
	at, err := s.driver.Alloc(align(int64(size)))
	if err != nil {
		return 0, fmt.Errorf("packed weights of %s: %w", s.params[id].Name, err)
	}
	s.parameters += align(int64(size))
	s.packed[key] = &packing{at: at}
	return at, nil
}

// pack makes a form anew if the weights have changed since it was made.
func (s *store) pack(key packKey) error {
	id, f := key.id, key.form
	p := s.packed[key]
	if p == nil || p.version == s.version[id]+1 {
		return nil
	}
	src, err := s.address(id, kernels.Data)
	if err != nil {
		return err
	}
	shape := s.params[id].Shape
	taps := shape[2] * shape[3]
	o := simple("pack_weights", s.packedLen(key), p.at, src, key.out, key.in, taps, shape[1]*taps, f, s.operand(f).packType())
	err = s.driver.Launch(driver.Compute, &o.Launch)
	if err == nil {
		p.version = s.version[id] + 1
	}
	return err
}

// packedLen is the number of elements of a packed form.
func (s *store) packedLen(key packKey) int {
	shape := s.params[key.id].Shape
	taps := shape[2] * shape[3]
	switch key.form {
	case rawForm:
		return taps * key.out * key.in
	case depthwiseForm:
		return taps * pitchOf(key.out)
	}
	return taps * pitchOf(key.out) * pitchOf(key.in)
}

// operand is the precision of the elements of a packed form.
func (s *store) operand(f form) Precision {
	switch f {
	case forwardForm:
		return s.options.Precision
	case gradientForm:
		return s.options.Precision.gradient()
	}
	return FP32
}
