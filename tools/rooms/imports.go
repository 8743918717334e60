package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

// imports gives, for each package of the module by its folder, the folders of the module's packages that it imports.
// Tests do not count. tags are build tags.
func imports(dir, tags string) (map[string][]string, error) {
	list := exec.Command("go", "list", "-tags", tags, "-json=ImportPath,Imports,Module", "./...")
	list.Dir = dir
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	of := map[string][]string{}
	for packages := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
			Module     struct{ Path string }
		}
		if err := packages.Decode(&p); errors.Is(err, io.EOF) {
			return of, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		root := p.Module.Path + "/"
		folder := strings.TrimPrefix(p.ImportPath, root)
		of[folder] = []string{}
		for _, path := range p.Imports {
			if below, ours := strings.CutPrefix(path, root); ours {
				of[folder] = append(of[folder], below)
			}
		}
		slices.Sort(of[folder])
	}
}

// direct leaves out the imports that others imply: a → c where a → b → … → c.
func direct(of map[string][]string) map[string][]string {
	reaches := map[string]map[string]bool{}
	var reach func(folder string) map[string]bool
	reach = func(folder string) map[string]bool {
		if all, ok := reaches[folder]; ok {
			return all
		}
		all := map[string]bool{}
		for _, below := range of[folder] {
			all[below] = true
			for far := range reach(below) {
				all[far] = true
			}
		}
		reaches[folder] = all
		return all
	}
	kept := map[string][]string{}
	for folder, list := range of {
		for _, below := range list {
			implied := slices.ContainsFunc(list, func(other string) bool { return other != below && reach(other)[below] })
			if !implied {
				kept[folder] = append(kept[folder], below)
			}
		}
	}
	return kept
}
