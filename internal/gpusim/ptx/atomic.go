package ptx

import "fmt"

// atomic builds atom and red on integers. Those on floats are refused: their sums would depend on the order of blocks.
func (b *builder) atomic(in *instr) (op, error) {
	isRed := in.parts[0] == "red"
	mods, name := splitAtomic(in.parts[1:])
	want := 3
	if name == "cas" {
		want = 4
	}
	args := in.args
	if isRed {
		want--
		args = append([]operand{{kind: sinkOperand}}, args...)
	}
	if err := wantArgs(in, want); err != nil {
		return op{}, err
	}
	a, err := b.parseAccess(mods, args[1])
	if err != nil {
		return op{}, err
	}
	f := atomicFunction(name, a.typ)
	if f == nil || a.count != 1 || a.typ.bytes < 4 || a.space == inParam || a.space == inConst || a.space == inLocal {
		return op{}, fmt.Errorf("atomic .%s of .%s is not supported", name, a.typ.name)
	}
	d, err := b.dst(args[0], a.typ)
	if err != nil {
		return op{}, err
	}
	x, err := b.src(args[2], a.typ)
	if err != nil {
		return op{}, err
	}
	y := x
	if name == "cas" {
		if y, err = b.src(args[3], a.typ); err != nil {
			return op{}, err
		}
	}
	o := op{store: true, run: func(w *warp, m uint32) {
		for l := range lanes(m) {
			old, ok := w.exchange(&a, l, w.regs[a.base][l]+a.offset, func(old uint64) uint64 {
				return f(old, w.regs[x][l], w.regs[y][l])
			})
			if !ok {
				return
			}
			w.regs[d][l] = old
		}
	}}
	if a.counted() {
		o.global = a.typ.bytes
	}
	return o, nil
}

// splitAtomic takes the operation out of the modifiers: add of .relaxed.gpu.global.add.u32.
func splitAtomic(mods []string) (rest []string, name string) {
	for _, m := range mods {
		switch m {
		case "add", "inc", "dec", "min", "max", "and", "or", "xor", "exch", "cas":
			name = m
		default:
			rest = append(rest, m)
		}
	}
	return rest, name
}

// atomicFunction is the new value of old with operands x and y (cas: y where old is x).
func atomicFunction(name string, t typ) func(old, x, y uint64) uint64 {
	if t.isFloat() {
		return nil
	}
	n, mask := t.bits(), t.mask()
	switch name {
	case "add":
		if t.isInt() {
			return func(old, x, _ uint64) uint64 { return (old + x) & mask }
		}
	case "inc":
		return func(old, x, _ uint64) uint64 {
			if old >= x {
				return 0
			}
			return old + 1
		}
	case "dec":
		return func(old, x, _ uint64) uint64 {
			if old == 0 || old > x {
				return x
			}
			return old - 1
		}
	case "min", "max":
		return func(old, x, _ uint64) uint64 {
			less := old < x
			if t.isSigned() {
				less = signed(old, n) < signed(x, n)
			}
			if less == (name == "min") {
				return old
			}
			return x
		}
	case "and":
		return func(old, x, _ uint64) uint64 { return old & x }
	case "or":
		return func(old, x, _ uint64) uint64 { return old | x }
	case "xor":
		return func(old, x, _ uint64) uint64 { return old ^ x }
	case "exch":
		return func(_, x, _ uint64) uint64 { return x }
	case "cas":
		return func(old, x, y uint64) uint64 {
			if old == x {
				return y
			}
			return old
		}
	}
	return nil
}

// exchange replaces a value in global or shared memory, in one with its reading.
func (w *warp) exchange(a *access, lane int, address uint64, f func(uint64) uint64) (old uint64, ok bool) {
	in, at := a.resolve(address)
	n := a.typ.bytes
	switch in {
	case inShared:
		return w.exchangeShared(lane, at, n, f)
	case inLocal:
		w.fail(lane, "an atomic on local memory")
		return 0, false
	}
	data := w.globalBytes(lane, at, n, true)
	if data == nil {
		return 0, false
	}
	lock := &w.block.launch.machine.atomics[at>>3%64]
	lock.Lock()
	defer lock.Unlock()
	old = littleEndian(data)
	putLittleEndian(data, f(old))
	return old, true
}

// exchangeShared: atomics of different threads are no race among themselves, but with plain accesses they are.
func (w *warp) exchangeShared(lane int, at uint64, n int, f func(uint64) uint64) (old uint64, ok bool) {
	if !w.checkShared(lane, at, n) {
		return 0, false
	}
	s := &w.block.shared
	s.each(int(at), n, func(c *cell, at, _ int) {
		switch {
		case c.written < s.first:
			w.fail(lane, "shared memory at %d is read but nobody has written it yet", at)
		case c.written == s.phase && !c.atomic && !w.after(lane, int(c.writer), c.wsync):
			w.fail(lane, "shared memory at %d: race: thread %d wrote it and no barrier is between", at, c.writer)
		}
	})
	if w.fault != nil {
		return 0, false
	}
	data := s.data[at : at+uint64(n)]
	old = littleEndian(data)
	var b [8]byte
	putLittleEndian(b[:], f(old))
	w.noteWrites(lane, int(at), b[:n], true)
	copy(data, b[:n])
	return old, w.fault == nil
}
