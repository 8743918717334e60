package run

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"bnas.example/internal/setting"
	"bnas.example/internal/wholefile"
)

// File is a configuration file: some or all settings of a Config, in YAML.
type File struct {
	path string
	root *yaml.Node // the content; nil: an empty file
}

// OpenFile reads a configuration file. If it is not one YAML document, the error is a *FileError.
func OpenFile(path string) (*File, error) {
	text, err := setting.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return parseFile(path, text)
}

// openOwn is OpenFile of the configuration in a run folder, which is no pipe.
func openOwn(path string) (*File, error) {
	if err := wholefile.RefuseStream(path); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return OpenFile(path)
}

func parseFile(path string, text []byte) (*File, error) {
	root, err := setting.Document(text)
	if err != nil {
		return nil, &FileError{path, err}
	}
	return &File{path, root}, nil
}

// Apply sets the settings of the file in c. Settings that are not in the file keep their values. An unknown key or a value of
// a wrong type is a *FileError.
func (f *File) Apply(c *Config) error {
	if f.root == nil {
		return nil
	}
	if err := setting.Decode(f.root, c); err != nil {
		return &FileError{f.path, err}
	}
	return nil
}

// empty reports whether the file has no setting.
func (f *File) empty() bool {
	return f.root == nil || f.root.Tag == "!!null" || f.root.Kind == yaml.MappingNode && len(f.root.Content) == 0
}

// Has reports whether the file has the setting with these dotted keys.
func (f *File) Has(setting string) bool {
	if f.root == nil {
		return false
	}
	at := f.root
	for key := range strings.SplitSeq(setting, ".") {
		if at = child(at, key); at == nil {
			return false
		}
	}
	return true
}

// child returns the value of a key in a mapping, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
