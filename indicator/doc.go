// Package indicator measures what a network reveals before it is trained: the neural tangent kernel of its BatchNorm
// parameters, activation codes, spectra, the noise of its batch statistics; it fuses these terms into a composite
// indicator, and judges an indicator against ground truth.
//
// Every term is one small function and one row of the table in terms.go. A term is oriented: higher is expected to be
// better. A network through which no path leads has every term at −∞ and is last in every ranking.
//
// Terms speak of gauge: in the fair placement, multiplying γ and β of all BatchNorms that enter one node by one
// positive factor changes no logit (up to ε), wherever all consumers of the node end in BatchNorm. A term that is not
// invariant under this measures the parametrisation, not the function.
package indicator
