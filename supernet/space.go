// Package supernet defines the search spaces: their architectures, the costs, and the lowering to a Program over the
// parameters that all architectures of a space share.
package supernet

import (
	"cmp"
	"math/big"

	"bnas.example/kernels"
)

// Arch is an architecture: the index of the chosen option for every gene.
type Arch []int

// Gene is one choice of a space.
type Gene struct {
	Name    string   // "2<-1", "layer 3"
	Options []string // in the space's own order
}

// Place is a spot of the network with one of several operators: an edge of a cell, a layer. The parameters of an operator
// belong to its place. In most spaces each gene is the choice at a place; where genes also choose the wiring, they are not
// the same.
type Place struct {
	Name      string
	Operators []string
}

// Placement decides which operators end in a BatchNorm.
type Placement string

const (
	Standard Placement = "standard" // as the space's authors built it
	Fair     Placement = "fair"     // a BatchNorm on every operator but none
)

// Cost holds the costs of an architecture by closed form. They are those of the standard placement; only BNParams depends
// on the placement.
type Cost struct {
	Params   int64 // convolutions, BatchNorm, classifier with bias
	MACs     int64 // of convolutions and classifier for one image; pooling is not counted
	BNParams int64 // γ and β
	Depth    int   // BatchNorm layers on the architecture's path, standard placement
}

// Space is a search space. Sampling, mutation, crossover, neighbours and export are written once for all spaces, with the
// methods of this interface.
type Space interface {
	Name() string
	// About says in a few words what the space is and for which size of images.
	About() string
	// Genes lists the genes. An Arch has one option index for each.
	Genes() []Gene
	// Places lists the places of all architectures.
	Places() []Place
	// Chosen returns the index of the operator at each place of a, or −1 at a place that a does not have.
	Chosen(a Arch) []int
	// Valid returns an error that names the broken rule if the options, each in range, form no architecture.
	Valid(a Arch) error
	// Count returns the number of architectures.
	Count() *big.Int
	// Cover returns architectures whose networks together use every parameter of the supernet. Some may be dead.
	Cover() []Arch
	// Parse reads the space's own text form. An error names the wrong token and its position.
	Parse(text string) (Arch, error)
	Format(a Arch) string
	// Canonical returns a text that is the same for all architectures that are the same network.
	Canonical(a Arch) string
	// Alive reports whether a path leads from the input to the output.
	Alive(a Arch) bool
	Cost(a Arch, c Config) Cost
	// Lower records the network of a, with its parameters, in b.
	Lower(b *Builder, a Arch) error
	// Defaults returns the sizes of the benchmark that the space was published with.
	Defaults() Config
}

// Ordered is a Space with an official order, and few enough architectures to go through them.
type Ordered interface {
	Space
	Size() int
	// At returns the i-th architecture. IndexOf is its inverse.
	At(i int) Arch
	IndexOf(a Arch) int
}

// Wired is a Space in which genes choose the wiring of a network beside its operators.
type Wired interface {
	Space
	// OperatorGene returns the gene that chooses the operator at a place. Where an architecture has the place, each of its
	// options gives an architecture.
	OperatorGene(place int) int
	// Wiring returns the edges of a, from and to. Node 0 is the input, node i+1 place i, the node after the last place the
	// output.
	Wiring(a Arch) [][2]int
}

// Counted is a Space whose number of distinct networks is published.
type Counted interface {
	Space
	Distinct() int
}

// Stemmed is a Space with several stems, for small and for large images. The first is that of Defaults.
type Stemmed interface {
	Space
	Stems() []string
}

// Halving is a Space that halves images without a remainder.
type Halving interface {
	Space
	// Halvings returns how often: height and width must be multiples of 2 to this power.
	Halvings(c Config) int
}

// Dividing is a Space in which parts of a network share the channels of the first stage.
type Dividing interface {
	Space
	// LeastChannels returns the smallest number of channels of the first stage.
	LeastChannels(c Config) int
}

// Auxiliary is a Space whose networks may be trained with an auxiliary classifier: see Builder.HasAuxiliary.
type Auxiliary interface {
	Space
	// CheckAuxiliary returns an error if the head does not fit images of the configuration's size.
	CheckAuxiliary(c Config) error
}

// Config describes a supernet: the space, its sizes, the placement of BatchNorm, and the seed of the frozen weights.
type Config struct {
	Space    string    `json:"space" yaml:"space"`
	Chain    string    `json:"chain,omitempty" yaml:"chain,omitempty"` // the user's own space: see ReadSpace
	BN       Placement `json:"bn" yaml:"bn"`
	Seed     uint64    `json:"seed" yaml:"seed"`
	Classes  int       `json:"classes" yaml:"classes" range:"[2,65536]"`
	Height   int       `json:"height" yaml:"height" range:"[1,4096]"`
	Width    int       `json:"width" yaml:"width" range:"[1,4096]"`
	Channels int       `json:"channels" yaml:"channels" range:"[1,4096]"` // width of the first stage
	Cells    int       `json:"cells" yaml:"cells" range:"[0,256]"`        // cells a stage; 0 where the space fixes its depth
	Stem     string    `json:"stem,omitempty" yaml:"stem,omitempty"`      // empty where the space has one only
	Gamma    GammaInit `json:"gamma_init" yaml:"gamma_init"`

	// ImageChannels is 1 for grey images, and 3 or 0 for images in colour. A Net has 1 or 0.
	ImageChannels int `json:"image_channels,omitempty" yaml:"image_channels,omitempty"`
}

// Colour is the number of channels of images in colour.
const Colour = 3

// Images returns the shape of an image that the networks read.
func (c Config) Images() kernels.Shape {
	return kernels.Shape{C: cmp.Or(c.ImageChannels, Colour), H: c.Height, W: c.Width}
}

// imageChannels is the number of input channels of the first convolution.
func (c Config) imageChannels() int64 { return int64(c.Images().C) }

// GammaInit selects the initial values of γ.
type GammaInit string

const (
	GammaOne     GammaInit = "one"     // γ = 1
	GammaUniform GammaInit = "uniform" // γ ~ U(0,1), as Frankle, Schwab and Morcos (2021)
	// GammaSmall is γ = SmallGamma in the last BatchNorm of every operator with a convolution, and γ = 1 elsewhere. At the
	// start, the signal around the convolutions dominates all paths. Goyal et al. (arXiv:1706.02677, §5.1) start residual
	// branches at 0.
	GammaSmall GammaInit = "small"
)

// SmallGamma is the initial γ of GammaSmall.
const SmallGamma = 0.3

// BNInfo describes the place of one BatchNorm in the supernet. Indicators need it beside γ and β.
type BNInfo struct {
	Gamma, Beta kernels.ParamID
	Name        string // the module's name, as exported
	Place       int    // the place whose operator owns it, or −1 for stem, reductions, head, projections
	Operator    int    // index in the place's operators
	Last        bool   // the last BatchNorm of its operator (the one that BN-NAS trains and scores)
	Convolves   bool   // the last of an operator with a convolution
}
