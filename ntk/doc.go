// Package ntk computes the empirical neural tangent kernel of a network's γ and β, and what is read off it: its spectrum
// and condition number, its drift in training, its alignment with another kernel.
package ntk
