package ptx

// branch builds bra.
func (b *builder) branch(in *instr) (op, error) {
	if in.op != "bra" && in.op != "bra.uni" {
		return op{}, errOperand("unknown instruction")
	}
	return op{kind: opBranch, target: b.f.labels[in.args[0].name]}, nil
}

// exit builds ret.
func (b *builder) exit(in *instr) (op, error) {
	if in.op != "ret" {
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

// barrier builds bar.sync of all threads of the block, and bar.warp.sync.
func (b *builder) barrier(in *instr) (op, error) {
	switch in.op {
	case "bar.warp.sync":
		if err := wantArgs(in, 1); err != nil {
			return op{}, err
		}
		members, err := b.src(in.args[0], typeOf["b32"])
		return op{kind: opWarpSync, member: members, run: func(w *warp, m uint32) { w.meet(m) }}, err
	case "bar.sync":
		if len(in.args) == 2 {
			return op{}, errOperand("a barrier of some of the block's threads is not supported")
		}
		if err := wantArgs(in, 1); err != nil {
			return op{}, err
		}
		if o := in.args[0]; o.kind != immOperand || o.value > 15 {
			return op{}, errOperand("the barrier's number must be a constant below 16")
		}
		return op{kind: opBarrier}, nil
	}
	return op{}, errOperand("unknown instruction")
}
