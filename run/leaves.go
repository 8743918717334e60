package run

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Leaves returns all settings by their dotted keys, as leaves does.
func (c Config) Leaves() (map[string]any, error) {
	text, err := yaml.Marshal(c)
	if err != nil {
		return nil, err
	}
	return leaves(text)
}

// leaves returns the settings of a YAML document by their dotted keys: numbers (float64), switches and texts. A list is a text.
func leaves(document []byte) (map[string]any, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(document, &root); err != nil {
		return nil, err
	}
	all := map[string]any{}
	var walk func(key string, n *yaml.Node)
	walk = func(key string, n *yaml.Node) {
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				walk(strings.TrimPrefix(key+"."+n.Content[i].Value, "."), n.Content[i+1])
			}
		case yaml.SequenceNode:
			var items []string
			for _, c := range n.Content {
				items = append(items, c.Value)
			}
			all[key] = strings.Join(items, ", ")
		case yaml.ScalarNode:
			all[key] = scalar(n)
		}
	}
	for _, n := range root.Content {
		walk("", n)
	}
	return all, nil
}

// scalar returns the value of a leaf.
func scalar(n *yaml.Node) any {
	switch n.Tag {
	case "!!bool":
		return n.Value == "true"
	case "!!int", "!!float":
		if v, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return v
		}
	}
	return n.Value
}
