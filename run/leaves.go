package run

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// chainKey is the key of the file of a user's own space.
const chainKey = "supernet.chain"

// Leaves returns all settings by their dotted keys, as leaves does. Those in the file of a user's own space have keys of their own.
func (c Config) Leaves() (map[string]any, error) {
	text, err := yaml.Marshal(c)
	if err != nil {
		return nil, err
	}
	all, err := leaves(text)
	if err != nil || all[chainKey] == nil {
		return all, err
	}
	chain, err := leaves([]byte(c.Supernet.Chain))
	if err != nil {
		return nil, err
	}
	delete(all, chainKey)
	for key, value := range chain {
		all[chainKey+"."+key] = value
	}
	return all, nil
}

// leaves returns the settings of a YAML document by their dotted keys: whole numbers (uint64, or int64 below 0), other numbers (float64),
// switches and texts. A list is a text of one line.
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
				items = append(items, line(c))
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

// line writes an item of a list in one line.
func line(n *yaml.Node) string {
	var items []string
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			items = append(items, n.Content[i].Value+": "+line(n.Content[i+1]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	case yaml.SequenceNode:
		for _, c := range n.Content {
			items = append(items, line(c))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return n.Value
}

// scalar returns the value of a leaf. A float64 has not all digits of a seed.
func scalar(n *yaml.Node) any {
	switch n.Tag {
	case "!!bool":
		return n.Value == "true"
	case "!!int", "!!float":
		if v, err := strconv.ParseUint(n.Value, 10, 64); err == nil {
			return v
		}
		if v, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
			return v
		}
		if v, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return v
		}
	}
	return n.Value
}
