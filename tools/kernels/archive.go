package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
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

// writeArchives writes sm_NN.tar.zst with the cubins of each architecture, compute_NN.tar.zst with PTX, and the manifest. The
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
		if err := write("sm_"+arch+".tar.zst", arch, ".cubin", func(o object) []byte { return o.Cubin }); err != nil {
			return err
		}
	}
	ptx := func(o object) []byte { return dense(o.PTX) }
	portable := strconv.Itoa(gpu.Portable)
	if err := write("compute_"+portable+".tar.zst", portable, ".ptx", ptx); err != nil {
		return err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, "manifest.json"), append(text, '\n'))
}

// dense is PTX without comments, indentation and empty lines: 4 % of its archive, which is in three programs of a bundle.
func dense(ptx []byte) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(ptx) {
		line, _, _ = bytes.Cut(line, []byte("//"))
		if words := bytes.Fields(line); len(words) > 0 {
			out.Write(bytes.ReplaceAll(bytes.Join(words, []byte(" ")), []byte(", "), []byte(",")))
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

// window is the distance at which the archive's compressor sees repeats: that of all cubins of an architecture.
const window = 8 << 20

// archive is a tar, without times, of one part of the objects of an architecture, compressed as one: the instances of a template repeat
// each other, also from file to file.
func archive(objects []object, arch, extension string, part func(object) []byte) ([]byte, error) {
	var data bytes.Buffer
	z, err := zstd.NewWriter(&data, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window))
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(z)
	for _, o := range objects {
		if o.Arch != arch {
			continue
		}
		file := part(o)
		if err := t.WriteHeader(&tar.Header{Name: o.name() + extension, Mode: 0o644, Size: int64(len(file))}); err != nil {
			return nil, err
		}
		if _, err := t.Write(file); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return nil, err
	}
	return data.Bytes(), nil
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
