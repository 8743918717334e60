package supernet

import (
	"strings"

	"bnas.example/internal/setting"
)

// Spaces lists every search space, in the order of the output. A new space needs a file and a line here.
func Spaces() []Space {
	return []Space{
		nasBench201{},
		nasBenchMacro{},
	}
}

// Lookup finds a space by its name. The error lists the known names.
func Lookup(name string) (Space, error) {
	var names []string
	for _, s := range Spaces() {
		if s.Name() == name {
			return s, nil
		}
		names = append(names, s.Name())
	}
	return nil, setting.Errorf("supernet.space", "%q: there are %s", name, strings.Join(names, ", "))
}
