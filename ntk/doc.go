// Package ntk computes the empirical neural tangent kernel of a network's γ and β: the Jacobian, the kernel, its
// spectrum and condition number. [Compare] measures how far training leaves the kernel's regime: drift and alignment of
// the kernel, and the error of the network linearised at initialisation.
package ntk
