package ptx

import "math/bits"

// load builds ld: every lane of its own address. A narrow value is extended by its sign, or zeros, to the register.
func (b *builder) load(in *instr) (op, error) {
	if err := wantArgs(in, 2); err != nil {
		return op{}, err
	}
	a, err := b.parseAccess(in.parts[1:], in.args[1])
	if err != nil {
		return op{}, err
	}
	if a.space == inParam {
		return b.loadParam(in, a)
	}
	d, err := b.elements(in.args[0], a.count, func(o operand) (int, error) {
		if o.kind == sinkOperand {
			return b.sink, nil
		}
		return b.dstWide(o, a.typ)
	})
	if err != nil {
		return op{}, err
	}
	o := op{run: loadLanes(d, a)}
	switch {
	case a.typ.isSigned():
		o.run = loadSigned(d, b.masks(d), a)
	case a.typ.bytes == 4:
		o.run = loadWords(d, a)
	}
	if a.counted() {
		o.global = a.typ.bytes * a.count
	}
	return o, nil
}

// masks are the bits that the registers have.
func (b *builder) masks(d []int) []uint64 {
	masks := make([]uint64, len(d))
	for i, d := range d {
		masks[i] = ^uint64(0)
		if d != b.sink {
			masks[i] = b.f.registers[d].typ.mask()
		}
	}
	return masks
}

func loadLanes(d []int, a access) func(w *warp, m uint32) {
	n := a.typ.bytes
	return func(w *warp, m uint32) {
		for ; m != 0; m &= m - 1 {
			l := bits.TrailingZeros32(m)
			data := w.read(&a, l, w.regs[a.base][l]+a.offset, n*a.count)
			if data == nil {
				return
			}
			for i, d := range d {
				w.regs[d][l] = littleEndian(data[i*n : i*n+n])
			}
		}
	}
}

func loadSigned(d []int, masks []uint64, a access) func(w *warp, m uint32) {
	load, n := loadLanes(d, a), a.typ.bits()
	return func(w *warp, m uint32) {
		load(w, m)
		for i, d := range d {
			for l := range lanes(m) {
				w.regs[d][l] = uint64(signed(w.regs[d][l], n)) & masks[i]
			}
		}
	}
}

// loadWords is the loop of the commonest loads: one, two or four words of 32 bits.
func loadWords(d []int, a access) func(w *warp, m uint32) {
	n := 4 * len(d)
	return func(w *warp, m uint32) {
		for ; m != 0; m &= m - 1 {
			l := bits.TrailingZeros32(m) & 31
			var data []byte
			address := w.regs[a.base][l] + a.offset
			switch a.space {
			case inGlobal:
				data = w.globalBytes(l, address, n, false)
			case inShared:
				data = w.readShared(l, address, n)
			default:
				data = w.read(&a, l, address, n)
			}
			if data == nil {
				return
			}
			for _, d := range d {
				w.regs[d][l] = uint64(data[0]) | uint64(data[1])<<8 | uint64(data[2])<<16 | uint64(data[3])<<24
				data = data[4:]
			}
		}
	}
}

// store builds st.
func (b *builder) store(in *instr) (op, error) {
	if err := wantArgs(in, 2); err != nil {
		return op{}, err
	}
	a, err := b.parseAccess(in.parts[1:], in.args[0])
	if err != nil {
		return op{}, err
	}
	if a.space == inParam || a.space == inConst {
		return op{}, errOperand("a store to constants")
	}
	s, err := b.elements(in.args[1], a.count, func(o operand) (int, error) { return b.srcWide(o, a.typ) })
	if err != nil {
		return op{}, err
	}
	n := a.typ.bytes
	o := op{store: true, run: func(w *warp, m uint32) {
		for ; m != 0 && w.fault == nil; m &= m - 1 {
			l := bits.TrailingZeros32(m)
			w.write(&a, l, w.regs[a.base][l]+a.offset, n, s)
		}
	}}
	if a.counted() {
		o.global = n * a.count
	}
	return o, nil
}

// write stores a lane's registers s, n bytes of each.
func (w *warp) write(a *access, lane int, address uint64, n int, s []int) {
	in, at := a.resolve(address)
	var data []byte
	switch in {
	case inShared:
		if !w.checkShared(lane, at, n*len(s)) {
			return
		}
		for i, s := range s {
			w.writeShared(lane, int(at)+i*n, n, w.regs[s][lane])
		}
		return
	case inLocal:
		data = w.localBytes(lane, at, n*len(s))
	default:
		data = w.globalBytes(lane, at, n*len(s), true)
	}
	if data == nil {
		return
	}
	for i, s := range s {
		putLittleEndian(data[i*n:i*n+n], w.regs[s][lane])
	}
}
