package search

import (
	"cmp"
	"math"
	"slices"
)

// point has two figures, both to be minimised. None is NaN.
type point [2]float64

// dominates reports whether p is no worse than q in both figures and better in one.
func (p point) dominates(q point) bool {
	return p[0] <= q[0] && p[1] <= q[1] && p != q
}

// fronts is the fast non-dominated sort of NSGA-II (Deb et al. 2002, section III-A): the places of all points by front. No point of
// the first front is dominated; those of the next are dominated by points of the fronts before it alone.
func fronts(points []point) [][]int {
	dominated := make([][]int, len(points)) // by this point
	above := make([]int, len(points))       // how many points dominate this one
	var front []int
	for i, p := range points {
		for j, q := range points {
			if p.dominates(q) {
				dominated[i] = append(dominated[i], j)
			} else if q.dominates(p) {
				above[i]++
			}
		}
		if above[i] == 0 {
			front = append(front, i)
		}
	}
	var all [][]int
	for len(front) > 0 {
		all = append(all, front)
		var next []int
		for _, i := range front {
			for _, j := range dominated[i] {
				if above[j]--; above[j] == 0 {
					next = append(next, j)
				}
			}
		}
		slices.Sort(next)
		front = next
	}
	return all
}

// crowding is the crowding distance of NSGA-II (section III-B) of the points of one front: the sum over both figures of the distance
// between the neighbours on both sides, over the range of the figure. It is +Inf at the ends. A figure may be +Inf, that of a live
// network whose term is −Inf: then the share of an infinite distance is 1, and that of a finite one 0.
func crowding(points []point, front []int) map[int]float64 {
	distance := map[int]float64{}
	for k := range points[0] {
		order := slices.Clone(front)
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(points[i][k], points[j][k]) })
		first, last := order[0], order[len(order)-1]
		width := points[last][k] - points[first][k]
		distance[first], distance[last] = math.Inf(1), math.Inf(1)
		for at := 1; at < len(order)-1 && width > 0; at++ { // not if width is NaN: all are infinite
			distance[order[at]] += shareOf(points[order[at+1]][k]-points[order[at-1]][k], width)
		}
	}
	return distance
}

// shareOf is apart/width in the limit of a large end of the range. Two infinite figures, whose difference is NaN, are not apart.
func shareOf(apart, width float64) float64 {
	switch {
	case math.IsNaN(apart):
		return 0
	case math.IsInf(apart, 1):
		return 1
	}
	return apart / width
}

// crowded is a point's standing in the crowded comparison (section III-B): of two points, that of the lower front is better, and of
// one front that with the larger distance.
type crowded struct {
	place    int // in the points
	front    int
	distance float64
}

// better orders the better of two points first.
func (c crowded) better(d crowded) int {
	return cmp.Or(cmp.Compare(c.front, d.front), cmp.Compare(d.distance, c.distance))
}

// survivors returns the best n points by the crowded comparison: whole fronts, and of the last one those that are least crowded.
func survivors(points []point, n int) []crowded {
	var all []crowded
	for rank, front := range fronts(points) {
		distance := crowding(points, front)
		of := make([]crowded, len(front))
		for i, place := range front {
			of[i] = crowded{place, rank, distance[place]}
		}
		slices.SortStableFunc(of, crowded.better)
		all = append(all, of[:min(len(of), n-len(all))]...)
		if len(all) == n {
			break
		}
	}
	return all
}
