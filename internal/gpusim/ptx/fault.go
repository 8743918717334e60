package ptx

import "fmt"

// Fault is the error of a launch: what a thread did wrong, and where.
type Fault struct {
	Kernel      string
	Block       [3]int
	Thread      [3]int
	Line        int    // of the PTX text
	Instruction string // as it is written there
	Reason      string
}

func (f *Fault) Error() string {
	return fmt.Sprintf("ptx: kernel %s, block (%d, %d, %d), thread (%d, %d, %d), line %d: %s: %s", f.Kernel,
		f.Block[0], f.Block[1], f.Block[2], f.Thread[0], f.Thread[1], f.Thread[2], f.Line, f.Instruction, f.Reason)
}

// fail records the first fault of a warp; it stops at the end of the instruction.
func (w *warp) fail(lane int, format string, args ...any) {
	if w.fault == nil {
		in := w.block.launch.program.code[w.pc].in
		w.fault = &Fault{
			Kernel: w.block.launch.program.layout.entry.name, Block: w.block.index, Thread: w.tid(lane),
			Line: in.line, Instruction: in.text, Reason: fmt.Sprintf(format, args...),
		}
	}
}
