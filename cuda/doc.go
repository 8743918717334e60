// Package cuda is the GPU as a kernels.Device: the plan of a Program's memory, the launches of its steps and their
// geometry, above a driver.Driver.
// Package cuda/cost counts the launches; internal/gpusim has drivers without a GPU.
package cuda
