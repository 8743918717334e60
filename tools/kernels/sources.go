package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// sources are the texts of a folder's .cu and .cuh files by name.
type sources map[string]string

func readSources(dir string) (sources, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	s := sources{}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".cu" && ext != ".cuh" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		s[e.Name()] = string(text)
	}
	return s, nil
}

// units are the files to compile, in order of their names.
func (s sources) units() []string {
	var names []string
	for name := range s {
		if strings.HasSuffix(name, ".cu") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// headers are the files that may be included.
func (s sources) headers() map[string]string {
	h := map[string]string{}
	for name, text := range s {
		if strings.HasSuffix(name, ".cuh") {
			h[name] = text
		}
	}
	return h
}

var include = regexp.MustCompile(`(?m)^\s*#\s*include\s+"([^"]+)"`)

// needs is a file and all that it includes, itself first.
func (s sources) needs(name string) ([]string, error) {
	need := []string{name}
	for i := 0; i < len(need); i++ {
		for _, m := range include.FindAllStringSubmatch(s[need[i]], -1) {
			if _, ok := s[m[1]]; !ok {
				return nil, fmt.Errorf("%s includes %s, which is not in %s", need[i], m[1], sourceDir)
			}
			if !slices.Contains(need, m[1]) {
				need = append(need, m[1])
			}
		}
	}
	return need, nil
}
