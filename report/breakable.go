package report

import (
	"html/template"
	"strings"
)

// breakable escapes a text and lets a browser break an architecture in it between operators, and never inside the name of
// one: after "+", and after a "|" that ends an operator.
func breakable(s string) template.HTML {
	var b strings.Builder
	from := 0
	for i := 1; i+1 < len(s); i++ {
		if s[i] == '+' && s[i+1] == '|' || s[i] == '|' && s[i-1] != '+' && s[i+1] != '+' && s[i-1] != ' ' && s[i+1] != ' ' {
			b.WriteString(template.HTMLEscapeString(s[from:i+1]) + "<wbr>")
			from = i + 1
		}
	}
	return template.HTML(b.String() + template.HTMLEscapeString(s[from:])) // escaped piece by piece
}
