package supernet

import (
	"fmt"
	"slices"

	"bnas.example/kernels"
)

// Eps is the ε that every BatchNorm adds to the variance. It is PyTorch's default; all spaces use it.
const Eps = 1e-5

// Net is a supernet: a space at given sizes, with the parameters of all its paths. Its parameter table depends on its
// Config only. A Net is safe for concurrent use.
type Net struct {
	Space  Space
	Config Config

	headed bool // the table has the auxiliary head
	places []Place
	params []kernels.Param
	byName map[string]kernels.ParamID
	bns    []BNInfo
	bnOf   map[kernels.ParamID]int // γ or β to index in bns
}

// New builds the supernet of a configuration. Zero fields take the defaults of the space.
func New(c Config) (*Net, error) {
	c, err := c.WithDefaults()
	if err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s, err := c.Lookup()
	if err != nil {
		return nil, err
	}
	return newNet(s, c, false)
}

// NewAuxiliary is New with the parameters of the space's auxiliary head in the table, for a network that is trained with it. The
// other parameters have the initial values that they have without it. Its errors beside those of New are those of CheckAuxiliary.
func NewAuxiliary(c Config) (*Net, error) {
	n, err := New(c)
	if err != nil {
		return nil, err
	}
	if err := CheckAuxiliary(n.Config); err != nil {
		return nil, fmt.Errorf("supernet: %w", err)
	}
	return newNet(n.Space, n.Config, true)
}

// CheckAuxiliary returns an error if the space of a full configuration has no auxiliary head for images of its size.
func CheckAuxiliary(c Config) error {
	s, err := c.Lookup()
	if err != nil {
		return err
	}
	headed, ok := s.(Auxiliary)
	if !ok {
		return fmt.Errorf("%s has no auxiliary head", s.Name())
	}
	return headed.CheckAuxiliary(c)
}

// emptyNet returns a Net without places or parameters.
func emptyNet(c Config) *Net {
	return &Net{Config: c, byName: map[string]kernels.ParamID{}, bnOf: map[kernels.ParamID]int{}}
}

func newNet(s Space, c Config, headed bool) (*Net, error) {
	n := emptyNet(c)
	n.Space, n.places, n.headed = s, s.Places(), headed
	for _, a := range s.Cover() {
		b := newBuilder(n, n.Config.Images(), true)
		if err := s.Lower(b, a); err != nil {
			return nil, err
		}
		if b.err != nil {
			return nil, b.err
		}
	}
	return n, nil
}

// param finds a parameter by its name. With register it adds a missing one.
func (n *Net) param(name string, kind kernels.ParamKind, shape []int, register bool) (kernels.ParamID, error) {
	id, ok := n.byName[name]
	switch {
	case !ok && !register:
		return kernels.NoParam, fmt.Errorf("parameter %s is not in the supernet", name)
	case !ok:
		id = kernels.ParamID(len(n.params))
		n.byName[name] = id
		n.params = append(n.params, kernels.Param{Name: name, Kind: kind, Shape: slices.Clone(shape)})
	case n.params[id].Kind != kind || !slices.Equal(n.params[id].Shape, shape):
		return id, fmt.Errorf("parameter %s has shape %v in one place and %v in another", name, n.params[id].Shape, shape)
	}
	return id, nil
}

func (n *Net) addBN(info BNInfo) {
	if _, ok := n.bnOf[info.Gamma]; !ok {
		n.bnOf[info.Gamma], n.bnOf[info.Beta] = len(n.bns), len(n.bns)
		n.bns = append(n.bns, info)
	}
}

func (n *Net) markLast(gamma kernels.ParamID, convolves bool) {
	bn := &n.bns[n.bnOf[gamma]]
	bn.Last, bn.Convolves = true, convolves
}

// Params returns the table of the parameters of all paths. A ParamID indexes it.
func (n *Net) Params() []kernels.Param { return n.params }

// BNs returns the list of every BatchNorm of the supernet.
func (n *Net) BNs() []BNInfo { return n.bns }

// BNOf finds a BatchNorm by its γ or β. ok is false if id is neither.
func (n *Net) BNOf(id kernels.ParamID) (info BNInfo, ok bool) {
	i, ok := n.bnOf[id]
	if !ok {
		return BNInfo{}, false
	}
	return n.bns[i], true
}

// ExportNames returns the names of the parameters of a in the space's own PyTorch code. That code builds only the operators
// of a, so parameters of different architectures may have the same name.
func (n *Net) ExportNames(a Arch) (map[kernels.ParamID]string, error) {
	b, err := n.record(a)
	if err != nil {
		return nil, err
	}
	return b.exported, nil
}

// Dead reports whether a has no path from its input to its output.
func (n *Net) Dead(a Arch) bool { return !n.Space.Alive(a) }

// Program lowers an architecture to a Program over the parameters of the supernet.
func (n *Net) Program(a Arch) (*kernels.Program, error) {
	return n.TrainingProgram(a, Training{})
}

// Training says what the Program of a network in training has that others have not.
type Training struct {
	DropPath  bool    // factors at the terms that drop-path drops; a space that does not mark any has none
	AuxWeight float64 // of the loss of the auxiliary head; 0: no head. The Net is one of NewAuxiliary
}

// TrainingProgram returns the Program of a in training. Without its factors and its auxiliary head it is that of Program.
func (n *Net) TrainingProgram(a Arch, t Training) (*kernels.Program, error) {
	b, err := n.recordWith(a, t)
	if err != nil {
		return nil, err
	}
	return b.program(n.Space.Format(a))
}

func (n *Net) record(a Arch) (*Builder, error) { return n.recordWith(a, Training{}) }

func (n *Net) recordWith(a Arch, t Training) (*Builder, error) {
	if t.AuxWeight > 0 && !n.headed {
		return nil, fmt.Errorf("supernet: %s: the supernet is without an auxiliary head", n.Space.Name())
	}
	if err := Validate(n.Space, a); err != nil {
		return nil, err
	}
	b := newBuilder(n, n.Config.Images(), false)
	b.training = t
	if err := n.Space.Lower(b, a); err != nil {
		return nil, err
	}
	return b, b.err
}
