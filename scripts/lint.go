//go:build ignore

// Command lint runs the analyzers of go vet and of staticcheck over one load of the packages. Each of the two would load and
// analyse all of their dependencies by itself. Its arguments are those of staticcheck:
//
//	go run scripts/lint.go -tags gpusim ./...
package main

import (
	"go/ast"
	"go/types"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/appends"
	"golang.org/x/tools/go/analysis/passes/asmdecl"
	"golang.org/x/tools/go/analysis/passes/assign"
	"golang.org/x/tools/go/analysis/passes/atomic"
	"golang.org/x/tools/go/analysis/passes/bools"
	"golang.org/x/tools/go/analysis/passes/buildtag"
	"golang.org/x/tools/go/analysis/passes/cgocall"
	"golang.org/x/tools/go/analysis/passes/composite"
	"golang.org/x/tools/go/analysis/passes/copylock"
	"golang.org/x/tools/go/analysis/passes/defers"
	"golang.org/x/tools/go/analysis/passes/directive"
	"golang.org/x/tools/go/analysis/passes/errorsas"
	"golang.org/x/tools/go/analysis/passes/framepointer"
	"golang.org/x/tools/go/analysis/passes/hostport"
	"golang.org/x/tools/go/analysis/passes/httpresponse"
	"golang.org/x/tools/go/analysis/passes/ifaceassert"
	"golang.org/x/tools/go/analysis/passes/loopclosure"
	"golang.org/x/tools/go/analysis/passes/lostcancel"
	"golang.org/x/tools/go/analysis/passes/nilfunc"
	"golang.org/x/tools/go/analysis/passes/printf"
	"golang.org/x/tools/go/analysis/passes/shift"
	"golang.org/x/tools/go/analysis/passes/sigchanyzer"
	"golang.org/x/tools/go/analysis/passes/slog"
	"golang.org/x/tools/go/analysis/passes/stdmethods"
	"golang.org/x/tools/go/analysis/passes/stdversion"
	"golang.org/x/tools/go/analysis/passes/stringintconv"
	"golang.org/x/tools/go/analysis/passes/structtag"
	"golang.org/x/tools/go/analysis/passes/testinggoroutine"
	"golang.org/x/tools/go/analysis/passes/tests"
	"golang.org/x/tools/go/analysis/passes/timeformat"
	"golang.org/x/tools/go/analysis/passes/unmarshal"
	"golang.org/x/tools/go/analysis/passes/unreachable"
	"golang.org/x/tools/go/analysis/passes/unsafeptr"
	"golang.org/x/tools/go/analysis/passes/unusedresult"
	"golang.org/x/tools/go/analysis/passes/waitgroup"
	"honnef.co/go/tools/lintcmd"
	"honnef.co/go/tools/lintcmd/version"
	"honnef.co/go/tools/simple"
	"honnef.co/go/tools/staticcheck"
	"honnef.co/go/tools/stylecheck"
	"honnef.co/go/tools/unused"
)

// vet are the analyzers of go vet (cmd/vet/main.go).
var vet = []*analysis.Analyzer{
	appends.Analyzer,
	asmdecl.Analyzer,
	assign.Analyzer,
	atomic.Analyzer,
	bools.Analyzer,
	withIgnored(buildtag.Analyzer),
	cgocall.Analyzer,
	composite.Analyzer,
	copylock.Analyzer,
	defers.Analyzer,
	withIgnored(directive.Analyzer),
	errorsas.Analyzer,
	framepointer.Analyzer,
	hostport.Analyzer,
	resolved(httpresponse.Analyzer),
	ifaceassert.Analyzer,
	loopclosure.Analyzer,
	lostcancel.Analyzer,
	nilfunc.Analyzer,
	printf.Analyzer,
	shift.Analyzer,
	resolved(sigchanyzer.Analyzer),
	slog.Analyzer,
	stdmethods.Analyzer,
	stdversion.Analyzer,
	stringintconv.Analyzer,
	structtag.Analyzer,
	resolved(testinggoroutine.Analyzer),
	tests.Analyzer,
	timeformat.Analyzer,
	unmarshal.Analyzer,
	resolved(unreachable.Analyzer),
	unsafeptr.Analyzer,
	unusedresult.Analyzer,
	waitgroup.Analyzer,
}

func main() {
	cmd := lintcmd.NewCommand("lint")
	cmd.SetVersion(version.Version, version.MachineVersion)
	cmd.ParseFlags(os.Args[1:])
	cmd.AddAnalyzers(simple.Analyzers...)
	cmd.AddAnalyzers(staticcheck.Analyzers...)
	cmd.AddAnalyzers(stylecheck.Analyzers...)
	cmd.AddAnalyzers(unused.Analyzer)
	cmd.AddBareAnalyzers(vet...)
	cmd.Run()
}

// withIgnored is an analyzer of build constraints, which also checks the Go files of the folder that the build leaves out.
// staticcheck does not list them.
func withIgnored(a *analysis.Analyzer) *analysis.Analyzer {
	b := *a
	b.Run = func(pass *analysis.Pass) (any, error) {
		if len(pass.Files) == 0 {
			return a.Run(pass)
		}
		var built []string
		for _, f := range pass.Files {
			built = append(built, pass.Fset.Position(f.Package).Filename)
		}
		all, err := filepath.Glob(filepath.Join(filepath.Dir(built[0]), "*.go"))
		if err != nil {
			return nil, err
		}
		more := *pass
		more.IgnoredFiles = slices.DeleteFunc(all, func(name string) bool { return slices.Contains(built, name) })
		return a.Run(&more)
	}
	return &b
}

// resolved is an analyzer that reads ast.Ident.Obj, which the parser of staticcheck does not set.
func resolved(a *analysis.Analyzer) *analysis.Analyzer {
	b := *a
	b.Requires = append(slices.Clone(a.Requires), objects)
	return &b
}

// objects sets Obj in all names of variables and parameters, as go/parser does for those that a file declares.
var objects = &analysis.Analyzer{Name: "objects", Doc: "sets ast.Ident.Obj", Run: func(pass *analysis.Pass) (any, error) {
	of := map[types.Object]*ast.Object{}
	declare := func(name ast.Expr, declaration ast.Node) {
		if id, ok := name.(*ast.Ident); ok {
			if o := pass.TypesInfo.Defs[id]; o != nil {
				of[o] = &ast.Object{Kind: ast.Var, Name: id.Name, Decl: declaration}
			}
		}
	}
	for _, f := range pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, name := range n.Lhs {
					declare(name, n)
				}
			case *ast.ValueSpec:
				for _, name := range n.Names {
					declare(name, n)
				}
			case *ast.Field:
				for _, name := range n.Names {
					declare(name, n)
				}
			}
			return true
		})
	}
	for id, o := range pass.TypesInfo.Defs {
		id.Obj = of[o]
	}
	for id, o := range pass.TypesInfo.Uses {
		id.Obj = of[o]
	}
	return nil, nil
}}
