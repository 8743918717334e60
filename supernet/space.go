// Package supernet knows search spaces: what an architecture is, what it costs, and how it becomes a Program over the
// parameters that all architectures of the space share.
package supernet

import "bnas.example/kernels"

// Arch is an architecture as a space counts it: the chosen option of every gene.
type Arch []int

// Gene is one decision of a space.
type Gene struct {
	Name    string   // "2<-1", "layer 3"
	Options []string // operator names, in the space's own order
}

// Placement says which operators carry a BatchNorm.
type Placement string

const (
	Standard Placement = "standard" // as the space's authors built it
	Fair     Placement = "fair"     // a BatchNorm on every operator but none
)

// Cost is counted on the architecture as its authors built it (placement changes BNParams alone), by closed form.
type Cost struct {
	Params   int64 // convolutions, BatchNorm, classifier with bias
	MACs     int64 // of convolutions and classifier for one image; pooling is not counted
	BNParams int64 // γ and β
	Depth    int   // BatchNorm layers on the architecture's path, standard placement
}

// Space is a search space as data, with a lowering. Everything else about architectures (sampling, mutation,
// crossover, neighbours, export) is written once over this interface.
type Space interface {
	Name() string
	// Genes lists the decisions; an Arch has one option index for each.
	Genes() []Gene
	// Size is the number of architectures and At the i-th in the space's official order.
	Size() int
	At(i int) Arch
	// Parse reads the space's own text form; the error names the offending token and its position.
	Parse(text string) (Arch, error)
	Format(a Arch) string
	// Canonical is equal for architectures that are the same network.
	Canonical(a Arch) string
	// Alive reports whether any path leads from the input to the output.
	Alive(a Arch) bool
	Cost(a Arch, c Config) Cost
	// Lower builds the program of a and, through b, the parameters it uses.
	Lower(b *Builder, a Arch) error
	// Defaults are the sizes of the benchmark that the space was published with.
	Defaults() Config
}

// Config fixes a supernet: the space's sizes, BatchNorm's placement, and the seed of its frozen weights.
type Config struct {
	Space    string    `json:"space" yaml:"space"`
	BN       Placement `json:"bn" yaml:"bn"`
	Seed     uint64    `json:"seed" yaml:"seed"`
	Classes  int       `json:"classes" yaml:"classes"`
	Height   int       `json:"height" yaml:"height"`
	Width    int       `json:"width" yaml:"width"`
	Channels int       `json:"channels" yaml:"channels"` // width of the first stage
	Cells    int       `json:"cells" yaml:"cells"`       // cells a stage; 0 where the space fixes its depth
	Gamma    GammaInit `json:"gamma_init" yaml:"gamma_init"`
}

// GammaInit is how γ starts.
type GammaInit string

const (
	GammaOne     GammaInit = "one"     // γ = 1
	GammaUniform GammaInit = "uniform" // γ ~ U(0,1), as Frankle, Schwab and Morcos (2021)
	// GammaSmall is 1, but SmallGamma in the last BatchNorm of every operator that convolves: what paths have in common
	// at first is then what goes round the convolutions (Goyal et al., arXiv:1706.02677, §5.1, start residual
	// branches at 0).
	GammaSmall GammaInit = "small"
)

// SmallGamma is what GammaSmall starts with.
const SmallGamma = 0.3

// BNInfo places one BatchNorm of the supernet: what an indicator needs to know beyond γ and β.
type BNInfo struct {
	Gamma, Beta kernels.ParamID
	Name        string // the module's name, as exported
	Gene        int    // the gene whose option owns it, or −1 for stem, reductions, head, projections
	Option      int
	Last        bool // the last BatchNorm of its operator (the one that BN-NAS trains and scores)
	Convolves   bool // the last of an operator with a convolution
}
