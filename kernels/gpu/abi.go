package gpu

// ImageGroup is the number of images whose statistics a launch merges together: GROUP of abi.cuh.
const ImageGroup = 16

// ImageGroups is the number of groups in which a launch merges the statistics of n images (image_groups of abi.cuh): 0 if it merges
// the images.
func ImageGroups(n int) int {
	if n <= 2*ImageGroup {
		return 0
	}
	return (n + ImageGroup - 1) / ImageGroup
}

// Ptr is an address in a GPU's memory; 0 is none.
type Ptr uint64

// The structures of abi.cuh, field by field under the same names: there is the meaning of each field. Every field is 8
// bytes wide (four floats in Affine and Slope), so that Go and C++ lay a structure out alike. A test compares the two
// files, and another the sizes with those of the compiled kernels.
type (
	// Affine is a BatchNorm's forward coefficients of one channel.
	Affine struct{ Mean, Scale, Beta, Rstd float32 }

	// Slope is a BatchNorm's backward coefficients of one channel.
	Slope struct{ Scale, Offset, Slope, Mean float32 }

	// BatchNorm is one BatchNorm of a step's values.
	BatchNorm struct {
		Affine, Slope     Ptr
		Gamma, Beta       Ptr
		Dgamma, Dbeta     Ptr
		Moments, Variance Ptr // μ and σ²
		Eps               float64
		Channels, Column  int64
	}

	// Term is one summand of a node.
	Term struct {
		Value, Affine, Factor Ptr
		Half                  int64
	}

	// Node is a load: the activation of a sum of terms.
	Node struct {
		Term                           [3]Term
		Terms, Activation              int64
		Channels, Pitch, Height, Width int64
	}

	// Tiling is how a launch is cut into blocks.
	Tiling struct{ TileH, TileW, TilesX, Tiles, ChannelTile int64 }

	// Statistics is where a forward launch gathers μ and σ².
	Statistics struct {
		Tile, Image, Arrived Ptr
		Mean, Variance       Ptr
		Norm                 Ptr
		Norms                int64
	}

	// Output is one value that a forward launch stores.
	Output struct {
		Value, Weight                 Ptr
		Channels, Pitch, Column, Half int64
	}

	// Window is the geometry of a convolution or pool. In abi.cuh its fields stand in each structure that has one.
	Window struct{ Kernel, Stride, Pad, Dilation, Groups int64 }

	// Forward is a forward launch.
	Forward struct {
		In                     Ptr
		Ins                    int64
		Out                    Ptr
		Outs                   int64
		Columns, Height, Width int64
		Window
		Tiling     Tiling
		Statistics Statistics
	}

	// Source is one place where a value is used.
	Source struct{ Gradient, Slope, Factor Ptr }

	// Incoming is the gradient of one value.
	Incoming struct {
		Value, Source                 Ptr
		Sources                       int64
		Weight                        Ptr
		Channels, Pitch, Column, Half int64
	}

	// Sums is where a backward launch gathers dγ and dβ.
	Sums struct {
		Tile, Image, Arrived Ptr
		Norm                 [3]Ptr
	}

	// Backward is a launch that makes the gradient at a node.
	Backward struct {
		Out                            Ptr
		Outs                           int64
		Columns, Height, Width, Column int64
		Window
		In        Node
		Gradient  Ptr
		Add, Last int64
		Tiling    Tiling
		Sums      Sums
	}

	// WeightGradient is a launch that makes the gradient of one convolution's weights.
	WeightGradient struct {
		In            Node
		Out           Incoming
		Height, Width int64
		Window
		Gradient                      Ptr
		Row                           int64
		Partial, Arrived              Ptr
		Chunks                        int64
		TileH, TileW, TileOut, TileIn int64
	}

	// SampleBN is where the dγ and dβ of single images go.
	SampleBN struct {
		Image, Factor                 Ptr
		Term, Channels, Pitch, Column int64
	}

	// Parameter is a parameter that the optimizer updates.
	Parameter struct {
		Data, Grad, Moment1, Moment2 Ptr
		Length                       int64
		Decay, Bias1, Bias2          float64
	}

	// Piece is floats that are copied from one place to another.
	Piece struct {
		To, From Ptr
		Length   int64
	}

	// View is one outcome of an augmentation.
	View struct {
		Dy, Dx, Flip             int64
		Top, Left, Bottom, Right int64
	}
)

// Norm is the result of the kernel gradient_norm (update.cu): Σ g² over all parameters; the first parameter with a
// gradient that is not finite, −1 if there is none; and its first such element.
type Norm struct{ Squares, Parameter, Element float64 }
