package ptx

import "fmt"

// atomic builds atom.add on integers. Those on floats are refused: their sums would depend on the order of blocks.
func (b *builder) atomic(in *instr) (op, error) {
	if err := wantArgs(in, 3); err != nil {
		return op{}, err
	}
	mods, name := splitAtomic(in.parts[1:])
	a, err := b.parseAccess(mods, in.args[1])
	if err != nil {
		return op{}, err
	}
	if name != "add" || !a.typ.isInt() || a.count != 1 || a.typ.bytes < 4 || a.space != inGlobal && a.space != inShared && a.space != generic {
		return op{}, fmt.Errorf("atomic .%s of .%s is not supported", name, a.typ.name)
	}
	d, err := b.dst(in.args[0], a.typ)
	if err != nil {
		return op{}, err
	}
	x, err := b.src(in.args[2], a.typ)
	if err != nil {
		return op{}, err
	}
	mask := a.typ.mask()
	o := op{store: true, run: func(w *warp, m uint32) {
		for l := range lanes(m) {
			old, ok := w.exchange(&a, l, w.regs[a.base][l]+a.offset, func(old uint64) uint64 { return (old + w.regs[x][l]) & mask })
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

// splitAtomic takes the operation out of the modifiers: add of .global.add.u32.
func splitAtomic(mods []string) (rest []string, name string) {
	if len(mods) < 2 {
		return mods, ""
	}
	at := len(mods) - 2
	return append(append([]string{}, mods[:at]...), mods[at+1:]...), mods[at]
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
	if before := w.block.launch.machine.counters; before != nil && n == 4 {
		if _, again := before[address]; !again {
			before[address] = old
		}
	}
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
