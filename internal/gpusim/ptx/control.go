package ptx

import "fmt"

// branch builds bra, branchTable brx.idx, exit exit and ret, trap trap.
func (b *builder) branch(in *instr) (op, error) {
	if in.op != "bra" && in.op != "bra.uni" {
		return op{}, errOperand("unknown instruction")
	}
	return op{kind: opBranch, target: b.f.labels[in.args[0].name]}, nil
}

func (b *builder) branchTable(in *instr) (op, error) {
	if in.op != "brx.idx" && in.op != "brx.idx.uni" {
		return op{}, errOperand("unknown instruction")
	}
	index, err := b.src(in.args[0], typeOf["u32"])
	o := op{kind: opTable, index: index}
	for _, to := range b.f.tables[in.args[1].name] {
		o.table = append(o.table, b.f.labels[to])
	}
	return o, err
}

func (b *builder) exit(in *instr) (op, error) {
	if in.op != "exit" && in.op != "ret" && in.op != "ret.uni" {
		return op{}, errOperand("unknown instruction")
	}
	return op{kind: opExit}, wantArgs(in, 0)
}

func (b *builder) trap(in *instr) (op, error) {
	if in.op != "trap" {
		return op{}, errOperand("unknown instruction")
	}
	return op{kind: opTrap}, wantArgs(in, 0)
}

// barrier builds bar.sync and barrier.sync of all threads of the block, bar.red of them, and bar.warp.sync.
func (b *builder) barrier(in *instr) (op, error) {
	switch in.op {
	case "bar.warp.sync":
		if err := wantArgs(in, 1); err != nil {
			return op{}, err
		}
		members, err := b.src(in.args[0], typeOf["b32"])
		return op{kind: opWarpSync, member: members, run: func(w *warp, m uint32) { w.meet(m) }}, err
	case "bar.sync", "barrier.sync", "barrier.sync.aligned", "bar.cta.sync", "barrier.cta.sync", "barrier.cta.sync.aligned":
		if len(in.args) == 2 {
			return op{}, errOperand("a barrier of some of the block's threads is not supported")
		}
		if err := wantArgs(in, 1); err != nil {
			return op{}, err
		}
		return op{kind: opBarrier}, barrierNumber(in.args[0])
	}
	return b.barrierReduce(in)
}

func barrierNumber(o operand) error {
	if o.kind != immOperand || o.value > 15 {
		return errOperand("the barrier's number must be a constant below 16")
	}
	return nil
}

// barrierReduce builds bar.red.popc.u32 d, n, p and bar.red.{and,or}.pred d, n, p.
func (b *builder) barrierReduce(in *instr) (op, error) {
	if err := wantArgs(in, 3); err != nil {
		return op{}, err
	}
	if err := barrierNumber(in.args[1]); err != nil {
		return op{}, err
	}
	p, err := b.pred(in.args[2])
	if err != nil {
		return op{}, err
	}
	o := op{kind: opBarrier, vote: &p}
	switch in.op {
	case "bar.red.popc.u32":
		d, err := b.dst(in.args[0], typeOf["u32"])
		o.tell = func(w *warp, yes, _ int) {
			for l := range lanes(w.live) {
				w.regs[d][l] = uint64(yes)
			}
		}
		return o, err
	case "bar.red.and.pred", "bar.red.or.pred":
		d, err := b.predDst(in.args[0])
		isAnd := in.op == "bar.red.and.pred"
		o.tell = func(w *warp, yes, all int) {
			w.preds[d] = 0
			if isAnd && yes == all || !isAnd && yes > 0 {
				w.preds[d] = allLanes
			}
		}
		return o, err
	}
	return op{}, fmt.Errorf("unknown instruction")
}
