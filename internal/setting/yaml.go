package setting

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxFile is the largest YAML file in bytes, many times the size of one with all settings.
const maxFile = 1 << 20

// ReadFile reads a YAML file for Document, and no more of one that is too large than shows it. An error names the file.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// Document returns the content of one YAML document of at most a megabyte, or nil of an empty text.
func Document(text []byte) (*yaml.Node, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("more than %d bytes", maxFile)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	var root yaml.Node
	switch err := d.Decode(&root); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	return root.Content[0], nil
}

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

// Decode sets the fields of the struct to which c points from a document. It refuses an unknown key and a value of a wrong
// type with one line. The YAML library alone rounds 8.9 to 8 and reads 010 as 8.
func Decode(n *yaml.Node, c any) error {
	var p problems
	p.mapping(n, "", reflect.TypeOf(c).Elem())
	if len(p) > 0 {
		return p
	}
	err := n.Decode(c)
	var several *yaml.TypeError
	if errors.As(err, &several) { // a key that stands twice
		return problems(several.Errors)
	}
	return err
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
		field, ok := Field(t, key.Value)
		if !ok {
			p.add(key, "there is no setting %q", name)
			continue
		}
		p.value(value, name, field.Type)
	}
}

func (p *problems) value(n *yaml.Node, path string, t reflect.Type) {
	switch t.Kind() {
	case reflect.Struct:
		p.mapping(n, path, t)
	case reflect.Slice:
		p.list(n, path, t.Elem())
	case reflect.Map:
		p.table(n, path, t)
	default:
		p.scalar(n, path, t)
	}
}

// table compares a mapping with a map.
func (p *problems) table(n *yaml.Node, path string, t reflect.Type) {
	n = resolved(n)
	if n.Kind != yaml.MappingNode {
		p.add(n, "%s must be a table: {a: b, c: d}", path)
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		p.scalar(n.Content[i], path, t.Key())
		p.value(n.Content[i+1], path+"."+n.Content[i].Value, t.Elem())
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
	for i, element := range n.Content {
		if t.Kind() == reflect.Struct {
			p.value(element, fmt.Sprintf("%s[%d]", path, i), t)
		} else {
			p.scalar(element, path, t)
		}
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
