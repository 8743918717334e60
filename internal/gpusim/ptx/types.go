package ptx

// class is what an instruction's type says of a value's bits.
type class int

const (
	bitsClass class = iota
	unsignedClass
	signedClass
	floatClass
	predClass
)

// typ is a PTX type: .f32, .b64, .pred…
type typ struct {
	class class
	bytes int // 0 for .pred
	name  string
}

func (t typ) bits() int      { return 8 * t.bytes }
func (t typ) isFloat() bool  { return t.class == floatClass }
func (t typ) isSigned() bool { return t.class == signedClass }
func (t typ) isInt() bool    { return t.class == signedClass || t.class == unsignedClass }

// mask has the bits of a value of the type.
func (t typ) mask() uint64 { return ^uint64(0) >> (64 - max(t.bits(), 1)) }

// typeOf has every type by its name.
var typeOf = func() map[string]typ {
	all := map[string]typ{}
	for _, t := range []typ{
		{bitsClass, 1, "b8"}, {bitsClass, 2, "b16"}, {bitsClass, 4, "b32"}, {bitsClass, 8, "b64"},
		{unsignedClass, 1, "u8"}, {unsignedClass, 2, "u16"}, {unsignedClass, 4, "u32"}, {unsignedClass, 8, "u64"},
		{signedClass, 1, "s8"}, {signedClass, 2, "s16"}, {signedClass, 4, "s32"}, {signedClass, 8, "s64"},
		{floatClass, 2, "f16"}, {floatClass, 2, "bf16"}, {floatClass, 4, "f32"}, {floatClass, 8, "f64"},
		{bitsClass, 4, "f16x2"}, {bitsClass, 4, "bf16x2"}, {floatClass, 4, "tf32"}, {predClass, 0, "pred"},
	} {
		all[t.name] = t
	}
	return all
}()
