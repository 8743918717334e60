package ptx

import "fmt"

// asyncCopy is one cp.async of a thread that is under way: its bytes land at the thread's wait.
type asyncCopy struct {
	at    int // in shared memory
	data  [16]byte
	bytes int
	group int // how many groups the thread had committed before
}

// asyncQueue is a thread's copies under way, oldest first, and its groups.
type asyncQueue struct {
	copies    []asyncCopy
	committed int
}

// copyAsync builds cp.async and its commit_group and wait_group.
func (b *builder) copyAsync(in *instr) (op, error) {
	switch in.op {
	case "cp.async.commit_group":
		return op{run: func(w *warp, m uint32) {
			for l := range lanes(m) {
				w.async[l].committed++
			}
		}}, wantArgs(in, 0)
	case "cp.async.wait_group":
		if err := wantArgs(in, 1); err != nil {
			return op{}, err
		}
		if in.args[0].kind != immOperand || in.args[0].value > 1<<20 {
			return op{}, errOperand("the number of groups must be a constant")
		}
		n := int(in.args[0].value)
		return op{run: func(w *warp, m uint32) {
			for l := range lanes(m) {
				w.land(l, w.async[l].committed-n)
			}
		}}, nil
	}
	return b.issueAsync(in)
}

// issueAsync builds cp.async.cg.shared.global [to], [from], 16, size: size bytes are read, zeros fill up to 16.
func (b *builder) issueAsync(in *instr) (op, error) {
	const n = 16
	if in.op != "cp.async.cg.shared.global" {
		return op{}, errOperand("unknown instruction")
	}
	if len(in.args) != 3 && len(in.args) != 4 {
		return op{}, fmt.Errorf("%d operands, want 3 or 4", len(in.args))
	}
	if size := in.args[2]; size.kind != immOperand || size.value != n {
		return op{}, errOperand("this size is not supported")
	}
	to, from := access{space: inShared}, access{space: inGlobal}
	for i, a := range []*access{&to, &from} {
		if in.args[i].kind != addressOperand {
			return op{}, errOperand("an operand is no address")
		}
		if err := b.base(a, in.args[i]); err != nil {
			return op{}, err
		}
	}
	src := b.constant(fixed{kind: fixedBits, value: n})
	if len(in.args) == 4 {
		var err error
		if src, err = b.src(in.args[3], typeOf["u32"]); err != nil {
			return op{}, err
		}
	}
	return op{global: n, run: func(w *warp, m uint32) {
		for l := range lanes(m) {
			w.issue(l, w.regs[to.base][l]+to.offset, w.regs[from.base][l]+from.offset, n, w.regs[src][l])
			if w.fault != nil {
				return
			}
		}
	}}, nil
}

// issue starts a copy of a lane. What it reads is read now; where it writes must not be touched until it has landed.
func (w *warp) issue(lane int, to, from uint64, n int, size uint64) {
	if size > uint64(n) {
		w.fail(lane, "cp.async of %d bytes with a source of %d", n, size)
		return
	}
	c := asyncCopy{at: int(to), bytes: n, group: w.async[lane].committed}
	if from&uint64(n-1) != 0 {
		w.fail(lane, "%d bytes at %#x: misaligned", n, from)
		return
	}
	if size > 0 {
		data := w.globalRange(lane, from, int(size))
		if data == nil {
			return
		}
		copy(c.data[:], data)
	}
	if !w.checkShared(lane, to, n) {
		return
	}
	s := &w.block.shared
	s.each(int(to), n, func(c *cell, at, _ int) {
		w.noteWrite(c, lane, at, false, false)
		c.pending = true
	})
	q := &w.async[lane]
	q.copies = append(q.copies, c)
}

// globalRange is globalBytes of any number of bytes.
func (w *warp) globalRange(lane int, address uint64, n int) []byte {
	first := w.globalBytes(lane, address, 1, false)
	if first == nil || n == 1 {
		return first
	}
	if w.globalBytes(lane, address+uint64(n-1), 1, false) == nil {
		return nil
	}
	a := w.recent
	return a.data[address-a.base:][:n]
}

// land delivers a lane's copies of groups before the given one.
func (w *warp) land(lane, before int) {
	q := &w.async[lane]
	s := &w.block.shared
	n := 0
	for _, c := range q.copies {
		if c.group >= before {
			break
		}
		n++
		copy(s.data[c.at:], c.data[:c.bytes])
		s.each(c.at, c.bytes, func(cell *cell, at, _ int) {
			cell.pending = false
			cell.written, cell.wsync = s.phase, w.syncs
		})
	}
	q.copies = append(q.copies[:0], q.copies[n:]...)
}
