package ptx

import (
	"encoding/binary"
)

// space is the memory that an address is in.
type space int

const (
	generic space = iota
	inGlobal
	inShared
	inLocal
	inParam
	inConst
)

var spaces = map[string]space{
	"global": inGlobal, "shared": inShared, "local": inLocal, "param": inParam, "const": inConst,
}

// access is what ld, st, atom and cp share: space, type, address.
type access struct {
	space  space
	typ    typ
	count  int // of a vector
	base   int // slot
	offset uint64
}

// accessMods are modifiers that change nothing here: what is cached, and that a load is not left out.
var accessMods = map[string]bool{"cg": true, "volatile": true}

// parseAccess reads .global.cg.v4.f32 and the like.
func (b *builder) parseAccess(mods []string, address operand) (access, error) {
	a := access{count: 1}
	if len(mods) == 0 {
		return a, errOperand("unknown instruction")
	}
	var ok bool
	if a.typ, ok = typeOf[mods[len(mods)-1]]; !ok || a.typ.class == predClass {
		return a, errOperand("unknown instruction")
	}
	for _, m := range mods[:len(mods)-1] {
		if sp, ok := spaces[m]; ok {
			a.space = sp
			continue
		}
		switch m {
		case "v2":
			a.count = 2
		case "v4":
			a.count = 4
		default:
			if !accessMods[m] {
				return a, errOperand("modifier ." + m + " is not supported")
			}
		}
	}
	if a.typ.bytes*a.count > 16 {
		return a, errOperand("more than 16 bytes at a time")
	}
	if address.kind != addressOperand {
		return a, errOperand("an operand is no address")
	}
	if a.space == inParam {
		return a, nil
	}
	return a, b.base(&a, address)
}

// base resolves an address. The name of a shared variable stands for its place in shared memory, whatever the space
// of the instruction.
func (b *builder) base(a *access, address operand) error {
	a.offset = address.value
	var err error
	switch o := address.parts[0]; o.kind {
	case symbolOperand:
		st := b.f.storage[o.name]
		if st != nil && a.space == generic && (st.space == "shared" || st.space == "local") {
			return errOperand("a generic access by the name of a variable")
		}
		a.base, err = b.address(o.name, 0)
	case regOperand:
		a.base, err = b.registerAddress(o)
	default:
		a.base, err = b.src(o, typeOf["u64"])
	}
	return err
}

// registerAddress takes 64-bit registers, and 32-bit ones, which shared addresses fit in.
func (b *builder) registerAddress(o operand) (int, error) {
	if t := b.f.registers[o.reg].typ; t.bytes == 4 {
		return b.register(o, typeOf["b32"], false)
	}
	return b.register(o, typeOf["b64"], false)
}

// resolve finds the space of an address: the window that a generic one is in.
func (a *access) resolve(address uint64) (in space, at uint64) {
	if a.space != generic {
		return a.space, address
	}
	switch address >> 32 {
	case sharedWindow >> 32:
		return inShared, address - sharedWindow
	case localWindow >> 32:
		return inLocal, address - localWindow
	}
	return inGlobal, address
}

// globalBytes checks an access by a lane to global or constant memory and returns the bytes; nil after a fault.
func (w *warp) globalBytes(lane int, address uint64, n int, write bool) []byte {
	// The allocation of the last access is most often that of the next.
	a := w.recent
	if a == nil || address-a.base > uint64(len(a.data)) {
		a = w.block.launch.machine.alloc(address)
		if a == nil || address-a.base > uint64(len(a.data)) {
			w.fail(lane, "%d bytes at %#x: %s", n, address, w.block.launch.machine.outside(address))
			return nil
		}
		w.recent = a
	}
	at := address - a.base
	switch {
	case uint64(n) > uint64(len(a.data))-at:
		w.fail(lane, "%d bytes at %#x: %s", n, address, w.block.launch.machine.outside(address))
		return nil
	case address&uint64(n-1) != 0:
		w.fail(lane, "%d bytes at %#x: misaligned, at %d of %v", n, address, at, a)
		return nil
	case write && a.readOnly:
		w.fail(lane, "%d bytes at %#x: a write to the constant %v", n, address, a)
		return nil
	}
	return a.data[at : at+uint64(n)]
}

// localBytes checks an access to the lane's local memory.
func (w *warp) localBytes(lane int, at uint64, n int) []byte {
	size := w.block.launch.program.layout.local
	if at > uint64(size) || uint64(n) > uint64(size)-at || at&uint64(n-1) != 0 {
		w.fail(lane, "%d bytes at %d of %d bytes of local memory: out of bounds or misaligned", n, int64(at), size)
		return nil
	}
	from := lane*size + int(at)
	return w.local[from : from+n]
}

func littleEndian(b []byte) uint64 {
	switch len(b) {
	case 8:
		return binary.LittleEndian.Uint64(b)
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 1:
		return uint64(b[0])
	}
	return 0
}

func putLittleEndian(b []byte, v uint64) {
	switch len(b) {
	case 8:
		binary.LittleEndian.PutUint64(b, v)
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 1:
		b[0] = byte(v)
	}
}

// read is the bytes of an access; nil after a fault.
func (w *warp) read(a *access, lane int, address uint64, n int) []byte {
	switch in, at := a.resolve(address); in {
	case inShared:
		return w.readShared(lane, at, n)
	case inLocal:
		return w.localBytes(lane, at, n)
	default:
		return w.globalBytes(lane, at, n, false)
	}
}

// elements are the slots of a vector operand, or of a single one.
func (b *builder) elements(o operand, count int, slot func(operand) (int, error)) ([]int, error) {
	parts := []operand{o}
	if o.kind == vectorOperand {
		parts = o.parts
	}
	if len(parts) != count {
		return nil, errOperand("the vector has another length")
	}
	slots := make([]int, count)
	var err error
	for i, p := range parts {
		if slots[i], err = slot(p); err != nil {
			return nil, err
		}
	}
	return slots, nil
}

// counted says whether the counts of global memory include an access.
func (a *access) counted() bool { return a.space == inGlobal || a.space == generic }
