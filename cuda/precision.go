package cuda

import (
	"fmt"
	"slices"
	"strings"
)

// Precision is that of a convolution's operands; products are summed in float32.
type Precision string

// Storage is how a Device keeps and multiplies numbers. Sums, statistics, gradients and parameters are float32 and
// wider, whatever it says.
type Storage struct {
	Precision Precision // of the convolutions that are not grouped; "" is FP32
	Half      bool      // keep what the backward pass needs, the stored values, in half precision
	Naive     bool      // convolutions and their BatchNorms by the plain loops of kernels/gpu/naive.cu: slow, in FP32 only
}

// FP32 runs on every GPU; the others on tensor cores, from compute capability 8.0.
const (
	FP32 Precision = "fp32"
	TF32 Precision = "tf32" // 10 bits of mantissa, the range of float32
	F16  Precision = "fp16" // 10 bits of mantissa, up to 65504; gradients in bf16
	BF16 Precision = "bf16" // 7 bits of mantissa, the range of float32
)

// Precisions are all that there are, in the order of packType.
var Precisions = []Precision{FP32, TF32, F16, BF16}

// kernelSuffix is what the kernels of a precision are called by.
var kernelSuffix = map[Precision]string{FP32: "fp32", TF32: "tf32", F16: "f16", BF16: "bf16"}

// gradient is the precision of the gradients' convolutions: half precision has too little range for them (it would need
// the loss scaled), bf16 has that of float32.
func (p Precision) gradient() Precision {
	if p == F16 {
		return BF16
	}
	return p
}

// packType is the `type` of pack_weights in kernels/gpu/pack.cu.
func (p Precision) packType() int { return slices.Index(Precisions, p) }

// bytes of a packed weight.
func (p Precision) bytes() int {
	if p == F16 || p == BF16 {
		return 2
	}
	return 4
}

func (s Storage) check(capability int) error {
	if s.Naive && s.Precision != FP32 {
		return fmt.Errorf("the naive kernels compute in fp32 only, not in %s", s.Precision)
	}
	return s.Precision.check(capability)
}

func (p Precision) check(capability int) error {
	if !slices.Contains(Precisions, p) {
		names := make([]string, len(Precisions))
		for i, q := range Precisions {
			names[i] = string(q)
		}
		return fmt.Errorf("no precision %q: there are %s", p, strings.Join(names, ", "))
	}
	if p != FP32 && capability < 80 {
		return fmt.Errorf("precision %s needs compute capability 8.0, the GPU has %d.%d: use fp32", p, capability/10, capability%10)
	}
	return nil
}
