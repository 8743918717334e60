// Package ntk computes empirical neural tangent kernels: the Jacobian, the kernel, its spectrum and condition number.
// [Compare] measures how far training leaves the regime of the kernel of γ and β: drift and alignment of the kernel, and the error of
// the network linearised at initialisation. [OutputKernels] has the kernel of all outputs for any parameters; [Descent] and [Linear]
// train a network and its linearisation, and [Identities] compares the kernel of a γ with that of the weights before it.
package ntk
