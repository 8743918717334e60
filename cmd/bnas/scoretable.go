package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

// view is the choice of rows and columns that a table of scores shows.
type view struct {
	columns []string // terms; empty: all that are computed
	sort    string   // a term; empty: as given
	top     int      // 0: all
}

func viewOf(c *cli.Context) (view, error) {
	v := view{sort: c.String("sort"), top: c.Int("top")}
	if c.IsSet("columns") {
		v.columns = strings.Split(c.String("columns"), ",")
	}
	for _, name := range v.columns {
		if err := isTerm(c, "columns", name); err != nil {
			return v, err
		}
	}
	if v.sort == "" {
		return v, nil
	}
	return v, isTerm(c, "sort", v.sort)
}

// isTerm returns an error if the name in a flag is no term, or none that --terms computes.
func isTerm(c *cli.Context, flag, name string) error {
	terms := indicator.Expand(strings.Split(c.String("terms"), ","))
	if c.IsSet("terms") && slices.Contains(indicator.TermNames(), name) && !slices.Contains(terms, name) {
		return usagef("--%s %s: --terms %s leaves this term out", flag, name, c.String("terms"))
	}
	if !slices.Contains(indicator.TermNames(), name) {
		return usagef("--%s %q: there is no such term%s; there are %s", flag, name, didYouMean(name, "", indicator.TermNames()), strings.Join(indicator.TermNames(), ", "))
	}
	return nil
}

// fit shows all computed terms unless columns are given. It is an error if a term of the view is not computed.
func (v *view) fit(computed []string) error {
	for _, name := range append(slices.Clone(v.columns), v.sort) {
		if name != "" && !slices.Contains(computed, name) {
			return usagef("%s is not computed: add --terms %s, or --terms all", name, name)
		}
	}
	if len(v.columns) == 0 {
		v.columns = computed
	}
	return nil
}

// choose returns the indices of the rows that are shown, in their order.
func (v view) choose(all scoredList) ([]int32, error) {
	order := make([]int32, all.archs.Len())
	for i := range order {
		order[i] = int32(i)
	}
	if v.sort != "" {
		term := slices.Index(indicator.TermNames(), v.sort)
		column := make([]float64, len(order))
		for i := range column {
			s, err := all.at(i)
			if err != nil {
				return nil, err
			}
			column[i] = s.Values[term]
		}
		slices.SortStableFunc(order, func(i, j int32) int { return descending(column[i], column[j]) })
	}
	if v.top > 0 {
		order = order[:min(v.top, len(order))]
	}
	return order, nil
}

// descending orders the higher value first, and a term that was not computed last.
func descending(a, b float64) int {
	switch {
	case math.IsNaN(a) && math.IsNaN(b):
		return 0
	case math.IsNaN(a):
		return 1
	case math.IsNaN(b):
		return -1
	}
	return cmp.Compare(b, a)
}

// scoreTable prints one architecture as a column of terms, or several architectures one a line.
func scoreTable(c *cli.Context, w io.Writer, space supernet.Space, all scoredList, shown []int32, names []string) error {
	if len(shown) == 1 {
		s, err := all.at(int(shown[0]))
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "architecture\t%s\n", s.Arch)
		if s.Dead {
			fmt.Fprintln(w, "dead\t"+noPath)
		}
		for _, name := range names {
			fmt.Fprintf(w, "%s\t%s\n", name, termText(s, name, 6)+spreadText(s, name))
		}
		return nil
	}
	dead := make([]bool, len(shown)) // a row is asked for twice
	t := table{space, names, rows{len(shown), func(i int) (supernet.Arch, []string, error) {
		s, err := all.at(int(shown[i]))
		if err != nil {
			return nil, nil, err
		}
		dead[i] = s.Dead
		cells := make([]string, len(names))
		for k, name := range names {
			cells[k] = termText(s, name, 4) + spreadText(s, name)
		}
		return all.archs.At(int(shown[i])), cells, nil
	}}}
	err := t.write(c, w)
	if n := countTrue(dead); n > 0 {
		fmt.Fprintf(w, "%d of %d are dead: %s\n", n, len(shown), noPath)
	}
	return err
}

func countTrue(all []bool) (n int) {
	for _, b := range all {
		if b {
			n++
		}
	}
	return n
}

// noPath is the reason that a network is dead.
const noPath = "no path leads from the input to the output"

// scoreJSON writes the JSON object of the command: the file, if there is one, and the scores that are shown.
func scoreJSON(w io.Writer, file string, all scoredList, shown []int32) error {
	b := bufio.NewWriter(w)
	b.WriteString("{\n")
	if file != "" {
		text, err := jsonText(file, "")
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "  \"file\": %s,\n", text)
	}
	b.WriteString("  \"scores\": [")
	for k, i := range shown {
		s, err := all.at(int(i))
		if err != nil {
			return err
		}
		text, err := jsonText(s, "    ")
		if err != nil {
			return err
		}
		if k > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, "\n    %s", text)
	}
	b.WriteString("\n  ]\n}\n")
	return b.Flush()
}

// spreadText formats the spread of a term over the repeats, behind its mean; "" if there is none or it is 0.
func spreadText(s indicator.Scores, name string) string {
	t := slices.Index(indicator.TermNames(), name)
	if s.Spread == nil || !(s.Spread[t] > 0) {
		return ""
	}
	return fmt.Sprintf(" ± %.2g", s.Spread[t])
}

// termText formats the value of a term with a number of digits. A cost has a unit. "-" is a term that was not computed.
func termText(s indicator.Scores, name string, digits int) string {
	v := s.Values[slices.Index(indicator.TermNames(), name)]
	switch {
	case math.IsNaN(v):
		return "-"
	case s.Dead && math.IsInf(v, -1):
		return "dead"
	case (name == "params" || name == "macs") && v >= 0:
		return count(v)
	}
	return fmt.Sprintf("%.*g", digits, v)
}
