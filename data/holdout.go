package data

import (
	"cmp"
	"slices"

	"bnas.example/philox"
)

// Holdout splits 0…n−1 into two parts, each in ascending order. The second part has size numbers (at most n), chosen by
// the seed.
func Holdout(n, size int, seed uint64) (train, holdout []int) {
	order := philox.New(seed, "holdout", 0).Perm(n)
	size = max(0, min(size, n))
	holdout, train = order[:size:size], order[size:]
	slices.Sort(holdout)
	slices.Sort(train)
	return train, holdout
}

// SplitOff holds out size images of a set, chosen by the seed. Of folders and IDX files each class gives its share, so that a
// class of few images is not held out, or trained on, by chance alone. The published results hold images of fashion and
// CIFAR out with [Holdout], which knows no classes; these sets have equally many images of each.
func SplitOff(s Set, size int, seed uint64) (train, holdout []int) {
	switch s.Name() {
	case "folder", "idx":
		return holdoutByClass(s, size, seed)
	}
	return Holdout(s.Len(), size, seed)
}

// Some returns n of the images at indices, or all of them if n is 0 or too large. They are the first n. Of images in the order of their
// classes, as those of a folder are, they are evenly spaced: each class gives its share.
func Some(s Set, indices []int, n int) []int {
	if n <= 0 || n >= len(indices) {
		return indices
	}
	if !slices.IsSortedFunc(indices, func(a, b int) int { return cmp.Compare(s.Label(a), s.Label(b)) }) {
		return indices[:n]
	}
	some := make([]int, n)
	for k := range some {
		some[k] = indices[k*len(indices)/n]
	}
	return some
}

// holdoutByClass is Holdout in each class. The sizes are those of [shares].
func holdoutByClass(s Set, size int, seed uint64) (train, holdout []int) {
	members := make([][]int, len(s.Classes()))
	counts := make([]int, len(members))
	for i := range s.Len() {
		members[s.Label(i)] = append(members[s.Label(i)], i)
		counts[s.Label(i)]++
	}
	for c, n := range shares(counts, max(0, min(size, s.Len()))) {
		for k, at := range philox.New(seed, "holdout of a class", uint64(c)).Perm(counts[c]) {
			if k < n {
				holdout = append(holdout, members[c][at])
			} else {
				train = append(train, members[c][at])
			}
		}
	}
	slices.Sort(holdout)
	slices.Sort(train)
	return train, holdout
}

// shares divides size among classes in proportion to their counts, by largest remainders. Of equal remainders the first
// class has precedence. A class gives its last image only if all others would too.
func shares(counts []int, size int) []int {
	total := 0
	for _, n := range counts {
		total += n
	}
	got, order, left := make([]int, len(counts)), make([]int, len(counts)), size
	for c, n := range counts {
		got[c] = n * size / total
		order[c] = c
		left -= got[c]
	}
	last := func(c int) int {
		if got[c]+1 >= counts[c] {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(last(a), last(b)), cmp.Compare(counts[b]*size%total, counts[a]*size%total))
	})
	for _, c := range order[:left] {
		got[c]++
	}
	return got
}
