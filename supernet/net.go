package supernet

import "bnas/kernels"

// Net is a supernet: a space at given sizes, with the parameters of all its paths.
type Net struct {
	Space  Space
	Config Config
	params []kernels.Param
	bns    []BNInfo
}

// TODO(supernet): New, and the methods below.
//
//	New(cfg Config) (*Net, error)                           zero fields of cfg take the space's defaults
//	(*Net) Params() []kernels.Param                         the parameter table, the same for every run of the same Config
//	(*Net) Initial(id kernels.ParamID) []float32            frozen weights from Philox(seed, name); γ, β, bias as configured
//	(*Net) Fill(s kernels.Store) error                      writes Initial of every parameter
//	(*Net) Program(a Arch) (*kernels.Program, error)
//	(*Net) BNs() []BNInfo; (*Net) BNOf(gamma kernels.ParamID) BNInfo
//	(*Net) Trainable(set TrainSet, p *kernels.Program) []kernels.ParamID   TrainSet: LastBN, AllBN, AllBNAndClassifier, All
//	(*Net) ExportName(id kernels.ParamID, a Arch) string    name in the space's own PyTorch code
//	(*Net) Dead(a Arch) bool                                !Space.Alive
//	Spaces() []Space; Lookup(name string) (Space, error)    explicit registry; the error lists the names
//	Random(s Space, r *philox.Stream) Arch; Mutate(s, a, p, r) Arch; Crossover(s, a, b, r) Arch; Neighbours(s, a) []Arch
