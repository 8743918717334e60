package run

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

// presetFiles are configuration files: published recipes.
//
//go:embed presets
var presetFiles embed.FS

// Presets returns the names of the built-in configurations.
func Presets() []string {
	entries, _ := fs.ReadDir(presetFiles, "presets") // embedded
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Preset returns a built-in configuration by its name.
func Preset(name string) (*File, error) {
	path := "presets/" + name + ".yaml"
	text, err := presetFiles.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%q: there is %s", name, listed(Presets()))
	}
	return parseFile(path, text)
}
