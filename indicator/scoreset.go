package indicator

import (
	"math"
	"slices"
)

// ScoreSet is the scores of a set of architectures in memory. It has the terms by column: 8 bytes for each term that was computed, and
// each text once. Subsets share the memory. The zero set is empty.
type ScoreSet struct {
	from *scoreColumns
	rows []int32 // of from
}

// SetOf returns the set of some scores, in their order.
func SetOf(scores []Scores) ScoreSet {
	c := newScoreColumns(everyTerm)
	for _, s := range scores {
		c.add(s)
	}
	return c.all()
}

// Len returns the number of architectures.
func (s ScoreSet) Len() int { return len(s.rows) }

// Arch returns the text of an architecture.
func (s ScoreSet) Arch(i int) string { return s.from.texts.at(int(s.from.arch[s.rows[i]])) }

// Canonical returns the canonical form of an architecture.
func (s ScoreSet) Canonical(i int) string { return s.from.texts.at(s.network(i)) }

// Dead reports whether an architecture is dead.
func (s ScoreSet) Dead(i int) bool { return s.from.dead[s.rows[i]] }

// Repeats is the largest number of repeats of an architecture.
func (s ScoreSet) Repeats() int {
	most := 0
	for i := range s.Len() {
		most = max(most, s.repeats(i))
	}
	return most
}

// At returns the scores of an architecture.
func (s ScoreSet) At(i int) Scores { return s.from.scores(int(s.rows[i])) }

// List returns the scores of all architectures.
func (s ScoreSet) List() []Scores {
	var list []Scores
	for i := range s.Len() {
		list = append(list, s.At(i))
	}
	return list
}

// network numbers the canonical forms: it is equal for architectures that are the same network.
func (s ScoreSet) network(i int) int { return int(s.from.canonical[s.rows[i]]) }

func (s ScoreSet) repeats(i int) int { return int(s.from.repeats[s.rows[i]]) }

func (s ScoreSet) value(i, term int) float64 { return s.from.values.at(int(s.rows[i]), term) }

func (s ScoreSet) spread(i, term int) float64 { return s.from.spreads.at(int(s.rows[i]), term) }

// column returns the values of a term, in the memory of a slice if it has room.
func (s ScoreSet) column(term int, into []float64) []float64 {
	into = slices.Grow(into[:0], s.Len())[:s.Len()]
	for i := range into {
		into[i] = s.value(i, term)
	}
	return into
}

// ascending returns the values of a term over the live architectures. It is nil if there are none or if one lacks the term.
func (s ScoreSet) ascending(term int) []float64 {
	sorted := make([]float64, 0, s.Len())
	for i := range s.Len() {
		if s.Dead(i) {
			continue
		}
		v := s.value(i, term)
		if math.IsNaN(v) {
			return nil
		}
		sorted = append(sorted, v)
	}
	if len(sorted) == 0 {
		return nil
	}
	slices.Sort(sorted)
	return sorted
}

// weighed returns what a term adds to a composite, by its quantiles in a set that calibrates it.
func (s ScoreSet) weighed(term int, calibration ScoreSet, c Composite) []float64 {
	sample, all, against := calibration.ascending(term), s.column(term, nil), slices.Contains(c.Against, terms[term].Name)
	for i, v := range all {
		all[i] = c.weigh(quantile(sample, v, against))
	}
	return all
}

// has reports whether there are live architectures and all of them have a term.
func (s ScoreSet) has(term int) bool {
	live := false
	for i := range s.Len() {
		if !s.Dead(i) {
			if live = true; math.IsNaN(s.value(i, term)) {
				return false
			}
		}
	}
	return live
}

// pick returns a subset.
func (s ScoreSet) pick(indices []int) ScoreSet {
	rows := make([]int32, len(indices))
	for k, i := range indices {
		rows[k] = s.rows[i]
	}
	return ScoreSet{s.from, rows}
}

// Among returns the architectures that another set has too.
func (s ScoreSet) Among(other ScoreSet) ScoreSet {
	has := make(map[string]bool, other.Len())
	for i := range other.Len() {
		has[other.Arch(i)] = true
	}
	var in []int
	for i := range s.Len() {
		if has[s.Arch(i)] {
			in = append(in, i)
		}
	}
	return s.pick(in)
}

// scoreColumns is the memory of score sets.
type scoreColumns struct {
	has             []bool // by term; one that it has not is NaN in all rows
	texts           textSet
	arch, canonical []int32 // by row: the text
	dead            []bool
	repeats         []int32
	values, spreads floatColumns
}

// newScoreColumns returns the memory of rows with the terms for which has is true.
func newScoreColumns(has func(term int) bool) *scoreColumns {
	c := &scoreColumns{has: make([]bool, len(terms))}
	for t := range c.has {
		c.has[t] = has(t)
	}
	c.values.usual = func(row, term int) float64 {
		if row < len(c.dead) && c.dead[row] && c.has[term] {
			return math.Inf(-1)
		}
		return math.NaN()
	}
	c.spreads.usual = func(int, int) float64 { return math.NaN() }
	return c
}

func everyTerm(int) bool { return true }

// add adds a row.
func (c *scoreColumns) add(s Scores) {
	row := c.addWithoutValues(s)
	for t, v := range s.Values {
		c.values.set(row, t, v)
	}
	for t, v := range s.Spread {
		c.spreads.set(row, t, v)
	}
}

// addWithoutValues adds a row whose terms are not computed, or are −Inf if it is dead. It returns the row.
func (c *scoreColumns) addWithoutValues(s Scores) (row int) {
	c.arch, c.canonical = append(c.arch, int32(c.texts.intern(s.Arch))), append(c.canonical, int32(c.texts.intern(s.Canonical)))
	c.dead, c.repeats = append(c.dead, s.Dead), append(c.repeats, int32(s.Repeats))
	return len(c.dead) - 1
}

// scores returns a row.
func (c *scoreColumns) scores(row int) Scores {
	one := Scores{
		Arch: c.texts.at(int(c.arch[row])), Canonical: c.texts.at(int(c.canonical[row])), Dead: c.dead[row], Repeats: int(c.repeats[row]),
		Values: c.values.row(row),
	}
	if one.Repeats > 1 {
		one.Spread = c.spreads.row(row)
	}
	return one
}

// all returns the set of all rows.
func (c *scoreColumns) all() ScoreSet {
	rows := make([]int32, len(c.dead))
	for i := range rows {
		rows[i] = int32(i)
	}
	return ScoreSet{c, rows}
}

const rowsOfBlock = 1 << 10

// floatColumns is a table with a column for each term, in blocks of rows. A block has no memory for a term whose values are all the usual
// ones.
type floatColumns struct {
	usual  func(row, term int) float64
	blocks [][][]float64 // by block and term
}

func (f *floatColumns) at(row, term int) float64 {
	if b := row / rowsOfBlock; b < len(f.blocks) && f.blocks[b][term] != nil {
		return f.blocks[b][term][row%rowsOfBlock]
	}
	return f.usual(row, term)
}

// row returns the values of all terms.
func (f *floatColumns) row(row int) []float64 {
	values := make([]float64, len(terms))
	for t := range values {
		values[t] = f.at(row, t)
	}
	return values
}

func (f *floatColumns) set(row, term int, v float64) {
	for len(f.blocks) <= row/rowsOfBlock {
		f.blocks = append(f.blocks, make([][]float64, len(terms)))
	}
	block := f.blocks[row/rowsOfBlock]
	if block[term] == nil {
		if sameNumber(v, f.usual(row, term)) {
			return
		}
		column := make([]float64, rowsOfBlock)
		for i := range column {
			column[i] = f.usual(row-row%rowsOfBlock+i, term)
		}
		block[term] = column
	}
	block[term][row%rowsOfBlock] = v
}
