package indicator

import (
	"errors"
	"slices"
	"strings"
)

// ParseComposite reads a composite of the user's own: names of terms joined by + and −, as in "naswot+bn_noise-depth". A term after
// − counts with the opposite sign. Its name is the text without spaces. An error names the wrong part, and not the text.
func ParseComposite(text string) (Composite, error) {
	c := Composite{Name: strings.Join(strings.Fields(strings.ReplaceAll(text, "−", "-")), "")}
	for rest, first := c.Name, true; rest != "" || first; first = false {
		against := strings.HasPrefix(rest, "-")
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, "-"), "+")
		end := strings.IndexAny(rest, "+-")
		if end < 0 {
			end = len(rest)
		}
		name := rest[:end]
		if name == "" {
			return c, errors.New("a term is missing")
		}
		c.Terms = append(c.Terms, name)
		if against {
			c.Against = append(c.Against, name)
		}
		if rest = rest[end:]; rest == "+" || rest == "-" {
			return c, errors.New("a term is missing at the end")
		}
	}
	return c, c.check()
}

// Without returns the terms of c that are not of a perspective, and those that are. A part without terms has none: see
// Validate.
func (c Composite) Without(p Perspective) (others, of Composite) {
	others, of = Composite{Name: c.Name + " without " + string(p), Linear: c.Linear}, Composite{Name: string(p) + " of " + c.Name, Linear: c.Linear}
	for _, name := range c.Terms {
		part := &others
		if i, err := termIndex(name); err == nil && terms[i].Perspective == p {
			part = &of
		}
		part.Terms = append(part.Terms, name)
		if slices.Contains(c.Against, name) {
			part.Against = append(part.Against, name)
		}
	}
	return others, of
}
