package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"bnas.example/internal/wholefile"
)

// manifest says what the archives were made from.
type manifest struct {
	Compiler string            `json:"compiler"`
	Sources  map[string]string `json:"sources"`  // SHA-256 of every .cu and .cuh
	Archives map[string]string `json:"archives"` // SHA-256 of every archive
}

// ptxOf names the architectures whose PTX is kept: 90 for GPUs that come after, 80 for the interpreter.
var ptxOf = []string{"80", "90"}

// writeArchives writes, into dir, sm_NN.zip with the cubins of each architecture, compute_NN.zip with PTX, and the
// manifest. The same objects give the same bytes.
func writeArchives(dir string, t *toolchain, s sources, objects []object) error {
	m := manifest{Compiler: t.version, Sources: map[string]string{}, Archives: map[string]string{}}
	for name, text := range s {
		m.Sources[name] = hash([]byte(text))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	write := func(name, arch, extension string, part func(object) []byte) error {
		data, err := archive(objects, arch, extension, part)
		if err != nil {
			return err
		}
		m.Archives[name] = hash(data)
		return wholefile.Write(filepath.Join(dir, name), data)
	}
	for _, arch := range architectures {
		if err := write("sm_"+arch+".zip", arch, ".cubin", func(o object) []byte { return o.Cubin }); err != nil {
			return err
		}
	}
	for _, arch := range ptxOf {
		if err := write("compute_"+arch+".zip", arch, ".ptx", func(o object) []byte { return o.PTX }); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, "manifest.json"), append(text, '\n'))
}

// archive is a zip, without times, of one part of the objects of an architecture.
func archive(objects []object, arch, extension string, part func(object) []byte) ([]byte, error) {
	var data bytes.Buffer
	z := zip.NewWriter(&data)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	for _, o := range objects {
		if o.Arch != arch {
			continue
		}
		w, err := z.Create(o.name() + extension)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(part(o)); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return data.Bytes(), err
}

// writeLoose writes every object as name.NN.ptx and name.NN.cubin.
func writeLoose(dir string, objects []object) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, o := range objects {
		base := filepath.Join(dir, o.name()+"."+o.Arch)
		if err := wholefile.Write(base+".ptx", o.PTX); err != nil {
			return err
		}
		if err := wholefile.Write(base+".cubin", o.Cubin); err != nil {
			return err
		}
	}
	return nil
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
