// Package cuda is the GPU as a kernels.Device: the plan of a Program's memory, the launches of its steps and their
// geometry, above a small [Driver].
package cuda
