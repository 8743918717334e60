package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"bnas.example/internal/wholefile"
)

// What has been compiled is kept in the user's cache folder under the hash of all that it depends on.

const keepFor = 14 * 24 * time.Hour

func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "bnas", "kernels"), err
}

// cacheKey is the hash of the compiler, the architecture, the options, and the texts of a unit and of all that it includes.
func cacheKey(t *toolchain, s sources, unit, arch string, options []string) (string, error) {
	need, err := s.needs(unit)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q\n", t.nvrtc, t.ptxasOf(arch).version, arch, options)
	for _, name := range need {
		fmt.Fprintf(h, "%q %q\n", name, s[name])
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func cached(key string) (o object, ok bool) {
	dir, err := cacheDir()
	if err != nil {
		return o, false
	}
	data, err := os.ReadFile(filepath.Join(dir, key))
	return o, err == nil && gob.NewDecoder(bytes.NewReader(data)).Decode(&o) == nil
}

func keep(key string, o object) error {
	dir, err := cacheDir()
	if err != nil {
		return nil // no home, no cache
	}
	var data bytes.Buffer
	if err := gob.NewEncoder(&data).Encode(o); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, key), data.Bytes())
}

// forgetOld removes what was compiled long ago.
func forgetOld() error {
	dir, err := cacheDir()
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > keepFor {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !os.IsNotExist(err) {
				return err
			}
		}
	}
	return err
}
