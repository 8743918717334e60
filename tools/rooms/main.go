// Command rooms draws docs/rooms.svg: the packages, floor by floor, and their imports.
//
//	go run ./tools/rooms
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"bnas.example/internal/wholefile"
)

// tags are the build tags under which every package has all of its imports, but for those that need CUDA's headers.
const tags = "gpusim"

func main() {
	if err := write("."); err != nil {
		fmt.Fprintln(os.Stderr, "rooms:", err)
		os.Exit(1)
	}
}

func write(root string) error {
	of, err := imports(root, tags)
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(root, "docs", "rooms.svg"), []byte(picture(of)))
}
