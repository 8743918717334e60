package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"

	"github.com/klauspost/compress/zstd"

	"bnas.example/internal/wholefile"
	"bnas.example/kernels/gpu"
)

// manifest says what the archives were made from.
type manifest struct {
	Compiler string            `json:"compiler"`
	Sources  map[string]string `json:"sources"`  // SHA-256 of every .cu and .cuh
	Archives map[string]string `json:"archives"` // SHA-256 of every archive
}

// writeArchives writes sm_NN.zip with the cubins of each architecture, compute_NN.zip with PTX, and the manifest. The
// same objects give the same bytes.
func writeArchives(dir string, t *toolchain, s sources, objects []object) error {
	m := manifest{Compiler: t.version(), Sources: map[string]string{}, Archives: map[string]string{}}
	for name, text := range s {
		m.Sources[name] = hash([]byte(text))
	}
	write := func(name, arch, extension string, part func(object) []byte) error {
		data, err := archive(objects, arch, extension, part)
		if err != nil {
			return err
		}
		m.Archives[name] = hash(data)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		return wholefile.Write(filepath.Join(dir, name), data)
	}
	for _, arch := range architectures {
		if err := write("sm_"+arch+".zip", arch, ".cubin", func(o object) []byte { return o.Cubin }); err != nil {
			return err
		}
	}
	ptx := func(o object) []byte { return o.PTX }
	portable := strconv.Itoa(gpu.Portable)
	if err := write("compute_"+portable+".zip", portable, ".ptx", ptx); err != nil {
		return err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, "manifest.json"), append(text, '\n'))
}

// archive is a zip, without times, of one part of the objects of an architecture. Zstandard takes a sixth less
// than Deflate: the instances of a template repeat each other at a greater distance than Deflate's window.
func archive(objects []object, arch, extension string, part func(object) []byte) ([]byte, error) {
	var data bytes.Buffer
	z := zip.NewWriter(&data)
	z.RegisterCompressor(zstd.ZipMethodWinZip, zstd.ZipCompressor(zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1)))
	for _, o := range objects {
		if o.Arch != arch {
			continue
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: o.name() + extension, Method: zstd.ZipMethodWinZip})
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
	if err := os.MkdirAll(dir, 0o777); err != nil {
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
