package run

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"bnas.example/internal/setting"
)

// The YAML library rounds 8.9 to 8 and reads 010 as 8. check refuses such values before it decodes.

// mostProblems is the number of wrong settings that one error lists.
const mostProblems = 5

// problems lists what is wrong in a file.
type problems []string

func (p problems) Error() string {
	if len(p) > mostProblems {
		return fmt.Sprintf("%s; and %d more", strings.Join(p[:mostProblems], "; "), len(p)-mostProblems)
	}
	return strings.Join(p, "; ")
}

// check compares a document with the settings of c.
func check(n *yaml.Node, path string, c *Config) problems {
	var p problems
	p.mapping(n, path, reflect.TypeOf(*c))
	return p
}

func (p *problems) add(n *yaml.Node, format string, a ...any) {
	*p = append(*p, fmt.Sprintf("line %d: %s", n.Line, fmt.Sprintf(format, a...)))
}

// mapping compares a mapping with a struct.
func (p *problems) mapping(n *yaml.Node, path string, t reflect.Type) {
	n = resolved(n)
	if n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.add(n, "%s must have settings under it, one a line", orWhole(path))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := strings.TrimPrefix(path+"."+key.Value, ".")
		field, ok := setting.Field(t, key.Value)
		if !ok {
			p.add(key, "there is no setting %q", name)
			continue
		}
		switch field.Type.Kind() {
		case reflect.Struct:
			p.mapping(value, name, field.Type)
		case reflect.Slice:
			p.list(value, name, field.Type.Elem())
		default:
			p.scalar(value, name, field.Type)
		}
	}
}

func orWhole(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

// resolved follows an alias.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func (p *problems) list(n *yaml.Node, path string, t reflect.Type) {
	n = resolved(n)
	if n.Kind != yaml.SequenceNode {
		p.add(n, "%s must be a list: [a, b]", path)
		return
	}
	for _, element := range n.Content {
		p.scalar(element, path, t)
	}
}

var wholeNumber = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)

func (p *problems) scalar(n *yaml.Node, path string, t reflect.Type) {
	n = resolved(n)
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		p.add(n, "%s has no value, or has settings under it", path)
		return
	}
	if want := refuse(n, t); want != "" {
		p.add(n, "%s: %q is not %s", path, n.Value, want)
	}
}

var durationType = reflect.TypeFor[time.Duration]()

// refuse returns what a value must be if it is not that, or "".
func refuse(n *yaml.Node, t reflect.Type) string {
	switch {
	case t == durationType:
		if _, err := time.ParseDuration(n.Value); err != nil {
			return "a duration (90s, 10m, 2h)"
		}
	case t.Kind() == reflect.Bool:
		if n.Tag != "!!bool" {
			return "true or false"
		}
	case t.Kind() == reflect.String:
		if n.Tag != "!!str" && !wholeNumber.MatchString(n.Value) {
			return "a text"
		}
	case t.Kind() == reflect.Float64:
		if n.Tag != "!!float" && n.Tag != "!!int" {
			return "a number"
		}
	case t.Kind() == reflect.Uint64:
		if _, err := strconv.ParseUint(strings.TrimPrefix(n.Value, "+"), 10, 64); err != nil || n.Tag != "!!int" || !wholeNumber.MatchString(n.Value) {
			return "a whole number of at least 0"
		}
	default:
		if _, err := strconv.ParseInt(n.Value, 10, t.Bits()); err != nil || n.Tag != "!!int" || !wholeNumber.MatchString(n.Value) {
			return "a whole number"
		}
	}
	return ""
}
