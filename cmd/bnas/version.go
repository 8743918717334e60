package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"bnas.example/kernels/gpu"
)

type versionResult struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"` // of the sources, and +dirty if they differed from it; "": unknown
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Kernels  string `json:"kernels"` // SHA-256 of the list of the CUDA kernels, their compiler and their sources
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "the version of this bnas, its commit, and the hash of its CUDA kernels",
		Flags:       outputFlags(),
		Description: "bnas version",
		Action: func(c *cli.Context) error {
			r := versionResult{version(), commit(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, gpu.Hash()}
			return output(c, r, func(w io.Writer) {
				fmt.Fprintf(w, "bnas\t%s, %s, %s\n", r.Version, r.Go, r.Platform)
				fmt.Fprintf(w, "kernels\t%s\n", r.Kernels)
			})
		},
	}
}

// version returns the module's version and revision. `go build` writes the revision into the program. `go run` does not, but
// it has just compiled the tree in which its sources are: the revision of this tree is then read.
var version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	if revision := builtRevision(info); revision != "" && !strings.Contains(v, revision) {
		return v + ", revision " + revision
	}
	if v == "(devel)" {
		if revision := treeRevision(); revision != "" {
			return v + ", source tree at revision " + revision
		}
	}
	return v
})

// identity is the same in programs that compute the same: the version, and of one that does not name its sources the program's hash too.
var identity = sync.OnceValue(func() string {
	self, err := os.Executable()
	if err != nil {
		return version()
	}
	return identityOf(version(), commit(), self)
})

// identityOf is the identity of the program in a file. A version without a revision is that of a released module, or no version.
func identityOf(version, revision, file string) string {
	named := revision != "" || strings.HasPrefix(version, "v")
	if named && !strings.HasSuffix(revision, "+dirty") {
		return version
	}
	f, err := os.Open(file)
	if err != nil {
		return version
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return version
	}
	return fmt.Sprintf("%s, program %x", version, h.Sum(nil)[:6])
}

// commit returns the revision of the sources, or "" if it is unknown.
func commit() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		if revision := builtRevision(info); revision != "" {
			return revision
		}
	}
	return treeRevision()
}

// builtRevision is the revision in the build information: 12 digits, as in a version of Go, and "+dirty" if the tree differed.
func builtRevision(info *debug.BuildInfo) string {
	revision := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))] + revision
		case s.Key == "vcs.modified" && s.Value == "true":
			revision += "+dirty"
		}
	}
	return revision
}

// treeRevision asks git for the revision of the tree of the sources, if `go run` started this program; otherwise it is "".
func treeRevision() string {
	self, err := os.Executable()
	_, source, _, ok := runtime.Caller(0)
	if err != nil || !ok || !filepath.IsAbs(source) || !strings.Contains(self, "go-build") {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "git", "-C", filepath.Dir(source), "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+dirty").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
