package main

import (
	"fmt"
	"slices"
	"strings"

	"bnas.example/indicator"
)

// termsOf lists the terms of a composite: "a + b − c".
func termsOf(c indicator.Composite) string {
	var b strings.Builder
	for i, term := range c.Terms {
		against := slices.Contains(c.Against, term)
		switch {
		case against:
			b.WriteString(" − ")
		case i > 0:
			b.WriteString(" + ")
		}
		b.WriteString(term)
	}
	return strings.TrimSpace(b.String())
}

// flagText is the text of a composite as --composite takes it: the name of a known one, or its terms.
func flagText(c indicator.Composite) string {
	if slices.ContainsFunc(indicator.Composites(), func(known indicator.Composite) bool { return known.Name == c.Name }) {
		return c.Name
	}
	return strings.NewReplacer(" ", "", "−", "-").Replace(termsOf(c))
}

// quantilesOf says what of the quantiles a composite adds.
func quantilesOf(c indicator.Composite) string {
	if c.Linear {
		return "quantiles"
	}
	return "log quantiles"
}

// composites lists the composites with their terms, for the help of a flag.
func composites() string {
	var all []string
	for _, c := range indicator.Composites() {
		all = append(all, fmt.Sprintf("%s (%s)", c.Name, termsOf(c)))
	}
	return strings.Join(all, ", ")
}
