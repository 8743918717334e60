package ptx

// register is one declared register of a function.
type register struct {
	name string
	typ  typ
}

type operandKind int

const (
	regOperand     operandKind = iota // %r1
	immOperand                        // 7, 0f3F800000
	specialOperand                    // %tid.x
	symbolOperand                     // a variable, a parameter or a label
	addressOperand                    // [%rd1+16], [name+4]
	vectorOperand                     // {%r1, %r2}
	pairOperand                       // %r1|%p1
	sinkOperand                       // _
)

// operand is one operand as it is written.
type operand struct {
	kind  operandKind
	reg   int    // regOperand: index in the function's registers
	value uint64 // immOperand: the bits; addressOperand: the offset
	float bool   // immOperand: written as a float64's bits
	name  string // specialOperand, symbolOperand
	neg   bool   // !%p1
	parts []operand
}

// instr is one instruction as it is written.
type instr struct {
	guard operand // @%p1; kind sinkOperand where there is none
	op    string  // "mad.lo.s32"
	parts []string
	args  []operand
	line  int
	text  string
}

// statement is a label or an instruction.
type statement struct {
	label string
	instr *instr
}

// variable is declared memory: .shared, .local, .const, .global or .param.
type variable struct {
	name   string
	space  string
	align  int
	size   int
	extern bool
	init   []byte
}

// function is an .entry.
type function struct {
	name       string
	params     []variable
	registers  []register
	variables  []variable // .shared and .local declared inside
	body       []statement
	maxThreads int // .maxntid or .reqntid: 0 is no limit
	line       int
}
