package run

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile is the largest configuration file in bytes, many times the size of one with all settings.
const maxFile = 1 << 20

// File is a configuration file: some or all settings of a Config, in YAML.
type File struct {
	path string
	root *yaml.Node // nil: an empty file
}

// OpenFile reads a configuration file. If it is not one YAML document, the error is a *FileError.
func OpenFile(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if len(text) > maxFile {
		return nil, &FileError{path, fmt.Errorf("more than %d bytes", maxFile)}
	}
	return parseFile(path, text)
}

func parseFile(path string, text []byte) (*File, error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	var root yaml.Node
	switch err := d.Decode(&root); {
	case errors.Is(err, io.EOF):
		return &File{path: path}, nil
	case err != nil:
		return nil, &FileError{path, err}
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, &FileError{path, errors.New("more than one document")}
	}
	return &File{path, &root}, nil
}

// Apply sets the settings of the file in c. Settings that are not in the file keep their values. An unknown key or a value of
// a wrong type is a *FileError.
func (f *File) Apply(c *Config) error {
	if f.root == nil {
		return nil
	}
	if problems := check(f.root.Content[0], "", c); len(problems) > 0 {
		return &FileError{f.path, problems}
	}
	if err := f.root.Decode(c); err != nil {
		return &FileError{f.path, err}
	}
	return nil
}

// Has reports whether the file has the setting with these dotted keys.
func (f *File) Has(setting string) bool {
	if f.root == nil {
		return false
	}
	at := f.root.Content[0]
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
