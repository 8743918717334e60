// Package rank measures how well two rankings agree: Kendall's τ-b, Spearman's ρ, the quality of the k highest-scored,
// and bootstrap intervals of such figures. It knows nothing of networks.
package rank
