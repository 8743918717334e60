// Package serve shows a folder of runs in a browser: their states, curves, rankings and networks, and what two of them have
// differently. It reads the files of the runs and changes nothing. Its pages have no script.
package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"bnas.example/internal/loopback"
	"bnas.example/inventory"
	"bnas.example/report"
	"bnas.example/run"
)

// live is after how many seconds a browser loads the page of a run that goes on again.
const live = 5

// These are the addresses of the pages.
const (
	listPath    = "/"
	runPath     = "/runs/"
	comparePath = "/compare"
	nameField   = "run" // of comparePath, once for each run
)

// site answers requests about the runs of a folder.
type site struct {
	dir    string
	now    func() time.Time
	curves curves
}

// New returns a handler that shows the runs in a folder. With local it refuses requests that name another host than this machine:
// a page of another site cannot read the runs through a name that leads here.
func New(dir string, local bool) http.Handler {
	s := &site{dir: dir, now: time.Now}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+listPath+"{$}", s.page(s.list))
	mux.HandleFunc("GET "+runPath+"{name}", s.page(s.run))
	mux.HandleFunc("GET "+runPath+"{name}/"+run.ReportName, s.report)
	mux.HandleFunc("GET "+comparePath, s.page(s.compare))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if local && !isLocal(r.Host) {
			http.Error(w, "bnas serve answers this machine alone; --listen names an address for others", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// isLocal reports whether the host of a request is this machine by a name that no other site can have.
func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return loopback.Is(strings.Trim(host, "[]")) // of port 80, an address of IPv6 stands in them
}

// problem is an error with its status.
type problem struct {
	status int
	error
}

// page writes what a request asks for, or one line about what was wrong.
func (s *site) page(of func(r *http.Request) (report.Document, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d, err := of(r)
		if err != nil {
			status := http.StatusInternalServerError
			var p problem
			if errors.As(err, &p) {
				status = p.status
			}
			http.Error(w, err.Error(), status)
			return
		}
		d.Address = r.URL.RequestURI()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := d.Render(w); err != nil {
			return // the browser has gone
		}
	}
}

// report sends the report that a search has written.
func (s *site) report(w http.ResponseWriter, r *http.Request) {
	e, err := s.entry(r.PathValue("name"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	if !e.Has(run.ReportName) {
		http.Error(w, fmt.Sprintf("%s has no %s: bnas search writes it", e.Name, run.ReportName), http.StatusNotFound)
		return
	}
	http.ServeFile(w, r, filepath.Join(e.Dir, run.ReportName))
}

// entry returns the run with a name.
func (s *site) entry(name string) (inventory.Entry, error) {
	e, ok, err := inventory.Named(s.dir, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return e, err
	}
	if !ok {
		return e, problem{http.StatusNotFound, fmt.Errorf("there is no run %q in %s", name, s.dir)}
	}
	return e, nil
}

// entries are the runs of the folder; a folder that is not there yet has none.
func (s *site) entries() ([]inventory.Entry, error) {
	all, err := inventory.List(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return all, err
}

func addressOf(name string) string { return runPath + url.PathEscape(name) }
