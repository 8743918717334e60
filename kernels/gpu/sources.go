// Package gpu holds the CUDA kernels: their sources, what NVIDIA's compiler made of them, and the structures that a launch
// gives them.
package gpu

import "embed"

// Sources are the kernels and what they include.
//
//go:embed *.cu *.cuh
var Sources embed.FS
