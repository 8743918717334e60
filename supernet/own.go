package supernet

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"sync"

	"go.yaml.in/yaml/v3"

	"bnas.example/internal/setting"
)

// IsSpaceFile reports whether the name of a space is that of a file: it ends in .yaml or .yml.
func IsSpaceFile(name string) bool {
	extension := filepath.Ext(name)
	return extension == ".yaml" || extension == ".yml"
}

// ReadSpace reads the file of a user's own space: a chain of layers. It returns the values of Config.Space and Config.Chain.
// The second is the content of the file in a standard form, without comments; a saved Config does not need the file. The
// files of the folder spaces are examples.
func ReadSpace(path string) (name, chain string, err error) {
	text, err := setting.ReadFile(path)
	if err != nil {
		return "", "", fmt.Errorf("space: %w", err)
	}
	c, err := parseOwn(string(text))
	if err != nil {
		return "", "", fmt.Errorf("space %s: %w", path, err)
	}
	standard, err := yaml.Marshal(c.chainFile)
	return c.Name(), string(standard), err
}

// ownName is what a user's space may be called.
var ownName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func parseOwn(text string) (*chain, error) {
	c, err := parseChain([]byte(text))
	if err != nil {
		return nil, err
	}
	if !ownName.MatchString(c.Name()) {
		return nil, fmt.Errorf("name: %q: must be of a-z, 0-9, dots and dashes, at most 64", c.Name())
	}
	for _, s := range spaces() {
		if s.Name() == c.Name() {
			return nil, fmt.Errorf("name: %q is a space of bnas; choose another", c.Name())
		}
	}
	c.own = text
	return c, nil
}

// ownSpaces holds the spaces of texts that were parsed.
var ownSpaces sync.Map // string → Space

// Lookup finds the space of a configuration. The error lists the known names.
func (c Config) Lookup() (Space, error) {
	if c.Chain == "" {
		return Lookup(c.Space)
	}
	s, ok := ownSpaces.Load(c.Chain)
	if !ok {
		parsed, err := parseOwn(c.Chain)
		if err != nil {
			return nil, setting.Errorf("supernet.chain", "is not a space: %v", err)
		}
		s, _ = ownSpaces.LoadOrStore(c.Chain, parsed.ordered())
	}
	if name := s.(Space).Name(); name != c.Space {
		return nil, setting.Errorf("supernet.chain", "describes the space %q, but supernet.space is %q", name, c.Space)
	}
	return s.(Space), nil
}

// content returns the file of a user's own space in JSON, for readers without a parser of YAML, or "" for a space of bnas.
func (c *chain) content() string {
	if c.own == "" {
		return ""
	}
	text, _ := json.Marshal(c.chainFile) // texts and numbers: it does not fail
	return string(text)
}
