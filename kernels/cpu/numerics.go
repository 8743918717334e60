package cpu

// Numerics says how exact the engine is. The table of docs/speed.md has what each does.
type Numerics string

const (
	Strict Numerics = "strict" // float32; 3×3 convolutions by Winograd's F(4×4, 3×3)
	Fast   Numerics = "fast"   // stored values in 16 bits; 3×3 convolutions by F(8×8, 3×3) where the maps are whole tiles
)

// AllNumerics lists them.
var AllNumerics = []Numerics{Strict, Fast}

// PrefersFast reports whether Fast takes less time than Strict in the instruction set that New would use. The portable kernels convert
// numbers of 16 bits in several operations. On arm64 they have an instruction for it, but were not timed.
func PrefersFast() bool {
	isa, ok := Available()
	return ok && isa != "portable"
}
