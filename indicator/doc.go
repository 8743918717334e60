// Package indicator scores architectures without training them on their own. It computes terms (the condition number of
// the neural tangent kernel of γ and β, activation codes, spectra of features, the noise of batch statistics), combines
// them into a composite indicator, and compares an indicator with ground truth.
//
// Each term is one small function and one row of the table in terms.go. A term is oriented: higher is expected to be
// better. A dead network (no path from input to output) has −∞ in every term and is last in every ranking.
//
// Gauge is the rescaling of γ and β of all BatchNorms that enter one node by one positive factor. In the fair placement
// it changes no logit (up to ε) if every consumer of the node ends in a BatchNorm. A term that is not gauge-invariant
// depends on the parametrisation and not only on the function.
package indicator
