package supernet

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"bnas.example/internal/setting"
)

// chainFiles are the spaces that a file describes.
//
//go:embed spaces
var chainFiles embed.FS

// Spaces lists every search space, in the order of the output.
func Spaces() []Space { return slices.Clone(spaces()) }

// spaces makes the search spaces. A new space needs a file and a line here. The first is the default.
var spaces = sync.OnceValue(func() []Space {
	return []Space{
		newNASBench201(),
		newNASBench101(),
		embedded("nas-bench-macro"),
		newDARTS(),
		embedded("bn-nas"),
		embedded("proxylessnas"),
		embedded("fairnas"),
		embedded("mobilenet-cifar"),
	}
})

// embedded returns the chain of spaces/name.yaml.
func embedded(name string) Space {
	text, err := chainFiles.ReadFile("spaces/" + name + ".yaml")
	if err == nil {
		var c *chain
		if c, err = parseChain(text); err == nil {
			return c.ordered()
		}
	}
	panic(fmt.Errorf("spaces/%s.yaml: %w", name, err)) // the file is a part of this package
}

// Lookup finds a space by its name. The error lists the known names.
func Lookup(name string) (Space, error) {
	var names []string
	for _, s := range spaces() {
		if s.Name() == name {
			return s, nil
		}
		names = append(names, s.Name())
	}
	return nil, setting.Errorf("supernet.space", "%q: there are %s", name, strings.Join(names, ", "))
}
