package ptx

// load builds ld: every lane of its own address. A narrow value is extended by its sign, or zeros, to the register.
func (b *builder) load(in *instr) (op, error) {
	if err := wantArgs(in, 2); err != nil {
		return op{}, err
	}
	a, err := b.parseAccess(in.parts[1:], in.args[1])
	if err != nil {
		return op{}, err
	}
	if a.space == "param" {
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
	masks := make([]uint64, len(d))
	for i, d := range d {
		masks[i] = ^uint64(0)
		if d != b.sink {
			masks[i] = b.f.registers[d].typ.mask()
		}
	}
	n := a.typ.bytes
	o := op{run: func(w *warp, m uint32) {
		base := &w.regs[a.base]
		for l := range lanes(m) {
			data := w.read(&a, l, base[l]+a.offset, n*a.count)
			if data == nil {
				return
			}
			for i, d := range d {
				v := littleEndian(data[i*n : i*n+n])
				if a.typ.isSigned() {
					v = uint64(signed(v, 8*n)) & masks[i]
				}
				w.regs[d][l] = v
			}
		}
	}}
	switch {
	case a.count == 1 && n == 4 && !a.typ.isSigned() && a.space == "global":
		o.run = loadWord(d[0], a)
	case a.count == 1 && n == 4 && !a.typ.isSigned() && a.space == "shared":
		o.run = loadSharedWord(d[0], a)
	}
	if a.inGlobal() {
		o.global = n * a.count
	}
	return o, nil
}

// loadWord is the loop of ld.global of 32 bits.
func loadWord(d int, a access) func(w *warp, m uint32) {
	return func(w *warp, m uint32) {
		base, dst := &w.regs[a.base], &w.regs[d]
		for l := range lanes(m) {
			data := w.globalBytes(l, base[l&31]+a.offset, 4, false)
			if data == nil {
				return
			}
			dst[l&31] = uint64(data[0]) | uint64(data[1])<<8 | uint64(data[2])<<16 | uint64(data[3])<<24
		}
	}
}

// loadSharedWord is the loop of ld.shared of 32 bits.
func loadSharedWord(d int, a access) func(w *warp, m uint32) {
	return func(w *warp, m uint32) {
		base, dst := &w.regs[a.base], &w.regs[d]
		for l := range lanes(m) {
			data := w.readShared(l, base[l&31]+a.offset, 4)
			if data == nil {
				return
			}
			dst[l&31] = uint64(data[0]) | uint64(data[1])<<8 | uint64(data[2])<<16 | uint64(data[3])<<24
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
	if a.space == "param" {
		return b.storeParam(in, a)
	}
	if a.space == "const" {
		return op{}, errOperand("a store to constants")
	}
	s, err := b.elements(in.args[1], a.count, func(o operand) (int, error) { return b.srcWide(o, a.typ) })
	if err != nil {
		return op{}, err
	}
	n := a.typ.bytes
	o := op{store: true, run: func(w *warp, m uint32) {
		base := &w.regs[a.base]
		for l := range lanes(m) {
			w.write(&a, l, base[l]+a.offset, n, s)
			if w.fault != nil {
				return
			}
		}
	}}
	if a.inGlobal() {
		o.global = n * a.count
	}
	return o, nil
}

// write stores a lane's registers s, n bytes of each.
func (w *warp) write(a *access, lane int, address uint64, n int, s []int) {
	space, at := a.resolve(address)
	var data []byte
	switch space {
	case "shared":
		if !w.checkShared(lane, at, n*len(s)) {
			return
		}
		for i, s := range s {
			w.writeShared(lane, at+uint64(i*n), n, w.regs[s][lane])
		}
		return
	case "local":
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
