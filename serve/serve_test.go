package serve

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"bnas.example/internal/sampleruns"
	"bnas.example/run"
	"bnas.example/supernet"
	"bnas.example/train"
)

// sample is a folder of runs: one that is done, one that trains, one that cannot be read, and retrained networks.
func sample(t *testing.T) string {
	dir := sampleruns.New(t)
	sampleruns.Write(t, filepath.Join(dir, "fair", run.ReportName), "<title>the report</title>")
	sampleruns.Write(t, filepath.Join(dir, "now <b>", run.ConfigName), "seed: 7\ntrain: {lr: 0.5}\n")
	var metrics strings.Builder
	for step := range 4 {
		fmt.Fprintf(&metrics, `{"kind":"step","step":%d,"loss":%d,"accuracy":0.5,"lr":0.1}`+"\n", step, 4-step)
	}
	sampleruns.Write(t, filepath.Join(dir, "now <b>", train.MetricsName), metrics.String()+`{"kind":"step","st`)
	unlock, err := run.HoldFolder(filepath.Join(dir, "now <b>"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unlock() })
	const found = "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|"
	sampleruns.Retrained(t, filepath.Join(dir, "own"), []string{found, "b"}, `{"arch":"`+found+`","params":5000,"macs":7000000,"test":{"accuracy":0.625}}`)
	sampleruns.Done(t, filepath.Join(dir, "narrow"))
	const two = `[{"arch":"|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|","score":-2,"macs":1,"params":2},{"arch":"|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|","score":-1,"macs":3,"params":4}]`
	sampleruns.Write(t, filepath.Join(dir, "narrow", run.ResultName), `{"objective":"bnas","cost":"params","best":`+two+`,"pareto":`+two+`}`)
	sampleruns.Write(t, filepath.Join(dir, "chain", run.ConfigName), "supernet:\n  space: four-layers\n  chain: "+strconv.Quote(ofUser(t))+"\n")
	sampleruns.Write(t, filepath.Join(dir, "chain", run.ResultName), `{"objective":"bnas","best":[{"arch":"1 0 0 1","score":-2,"macs":1,"params":2}]}`)
	sampleruns.Done(t, filepath.Join(dir, "cut"))
	sampleruns.Write(t, filepath.Join(dir, "cut", train.MetricsName), "no metrics\n")
	sampleruns.Done(t, filepath.Join(dir, "other space"))
	sampleruns.Write(t, filepath.Join(dir, "other space", run.ResultName), `{"objective":"params","best":[{"arch":"10120220","score":8,"macs":1,"params":2}]}`)
	sampleruns.Write(t, filepath.Join(dir, "secret.txt"), "secret")
	return dir
}

// ofUser is the content of the file of a user's own space.
func ofUser(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "space.yaml")
	sampleruns.Write(t, path, `name: four-layers
images: {height: 32, width: 32}
classes: 10
activation: relu6
stem: {out: 16, kernel: 3, stride: 1}
operators: [identity, mb3_k3]
fixed: {0: mb3_k3, 3: mb3_k3}
stages:
  - {out: 16, layers: 4, stride: 1}
head: 64
`)
	_, content, err := supernet.ReadSpace(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// get asks for an address as a browser of this machine.
func get(t *testing.T, h http.Handler, address string) (int, string) {
	t.Helper()
	r := httptest.NewRequest("GET", address, nil)
	r.Host = "127.0.0.1:6464"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestPages(t *testing.T) {
	h := New(sample(t), true)
	const refresh = `http-equiv="refresh"`
	for _, c := range []struct {
		address string
		status  int
		has     []string
		hasNot  []string
	}{
		{"/", 200, []string{`<a href="/runs/fair">fair</a>`, `<a href="/runs/now%20%3Cb%3E">now &lt;b&gt;</a>`, "training", "unreadable", "1 of 2 networks", `href="/?run=own#own" aria-label="tick own"`, "Tick two or more", refresh}, []string{"<b>", "tick broken", "secret", "/compare"}},
		{"/?run=fair&run=now+%3Cb%3E&run=nowhere&run=broken", 200, []string{`<a class="box" id="fair" href="/?run=now&#43;%3Cb%3E#fair" aria-label="untick fair">✓</a>`, `href="/compare?run=fair&amp;run=now&#43;%3Cb%3E"`, `href="/?run=fair&amp;run=now&#43;%3Cb%3E&amp;run=own#own"`, refresh}, []string{"tick nowhere", "tick broken", "<b>"}},
		{"/runs/fair", 200, []string{"6 of 6", "nor_conv_3x3", "−1.207", "Score against MACs", "Mean |γ| of each operator", `href="/runs/fair/report.html"`}, []string{refresh}},
		{"/runs/narrow", 200, []string{"Score against parameters", "with as few parameters"}, []string{"Score against MACs"}},
		{"/runs/now%20%3Cb%3E", 200, []string{"training", "Loss", refresh}, []string{"<b>now", "Ranking", "report.html"}},
		{"/runs/broken", 200, []string{"nonsense"}, nil},
		{"/runs/chain", 200, []string{"1 0 0 1", "four-layers"}, nil},
		{"/compare?run=fair&run=chain", 200, []string{"chain: ", "fair: "}, nil},
		{"/runs/cut", 200, []string{"−1.207", "It cannot be read: metrics: "}, nil},
		{"/compare?run=fair&run=cut", 200, []string{"cut cannot be read: metrics: ", "Loss", "cut: "}, nil},
		{"/runs/other%20space", 200, []string{"10120220", "It cannot be drawn: supernet: nas-bench-201: ", "Ranking", "Mean |γ| of each operator"}, nil},
		{"/compare?run=fair&run=other+space", 200, []string{"It cannot be drawn: ", "Loss", "fair: "}, nil},
		{"/runs/own", 200, []string{"62.5", "not yet", "7.00 M"}, nil},
		{"/runs/fair/report.html", 200, []string{"the report"}, nil},
		{"/runs/own/report.html", 404, nil, nil},
		{"/compare?run=fair&run=now+%3Cb%3E", 200, []string{"train.lr", "0.5", "Loss", refresh + ` content="5; url=/compare?run=fair&amp;run=now&#43;%3Cb%3E"`, `<a href="/runs/fair">fair</a>`}, []string{"<b>"}},
		{"/compare?run=fair&run=own", 200, []string{"fair: "}, nil},
		{"/compare?run=fair", 400, []string{"two runs"}, nil},
		{"/compare?run=fair&run=fair", 400, []string{"two runs"}, nil},
		{"/compare?run=fair&run=nowhere", 404, []string{`no run "nowhere"`}, nil},
		{"/compare?run=fair&run=broken", 500, []string{"nonsense"}, nil},
		{"/runs/nowhere", 404, []string{`no run "nowhere"`}, nil},
		{"/runs/..", 307, nil, []string{"secret"}},
		{"/runs/..%2fsecret.txt", 404, nil, []string{"\nsecret"}},
		{"/runs/fair/config.yaml", 404, nil, nil},
		{"/elsewhere", 404, nil, nil},
	} {
		status, body := get(t, h, c.address)
		if status != c.status {
			t.Errorf("%s: status %d, want %d: %.200s", c.address, status, c.status, body)
		}
		for _, want := range c.has {
			if !strings.Contains(body, want) {
				t.Errorf("%s has no %q", c.address, want)
			}
		}
		for _, not := range c.hasNot {
			if strings.Contains(body, not) {
				t.Errorf("%s has %q", c.address, not)
			}
		}
		if strings.Contains(body, "<script") {
			t.Errorf("%s has a script", c.address)
		}
	}
	if status, body := get(t, New(filepath.Join(t.TempDir(), "later"), true), "/"); status != 200 || !strings.Contains(body, "There are none yet") {
		t.Errorf("a folder that is not there: %d, %s", status, body)
	}
}

// The page of a run does not read the other runs of the folder.
func TestAPageReadsItsRunsAlone(t *testing.T) {
	dir := sampleruns.New(t)
	sampleruns.Done(t, filepath.Join(dir, "other"))
	h := New(dir, true)
	allocations := func(address string) float64 {
		return testing.AllocsPerRun(3, func() {
			if status, body := get(t, h, address); status != 200 {
				t.Errorf("%s: %d: %.200s", address, status, body)
			}
		})
	}
	addresses := []string{"/runs/fair", "/compare?run=fair&run=other"}
	var few []float64
	for _, a := range addresses {
		few = append(few, allocations(a))
	}
	for i := range 40 {
		sampleruns.Done(t, filepath.Join(dir, fmt.Sprint("more", i)))
	}
	for i, a := range addresses {
		if many := allocations(a); many > 1.5*few[i] {
			t.Errorf("%s: %v allocations beside 40 other runs, %v without them", a, many, few[i])
		}
	}
}

// A page of another site must not read the runs through a name that it has led to this machine.
func TestOtherHostsAreRefused(t *testing.T) {
	dir := sample(t)
	for host, local := range map[string]bool{"127.0.0.1:6464": true, "localhost": true, "[::1]:6464": true, "[::1]": true, "127.0.0.1": true, "example.com": false, "[::1].example.com": false, "127.0.0.1.example.com:6464": false, "": false} {
		for _, here := range []bool{true, false} {
			r := httptest.NewRequest("GET", "/", nil)
			r.Host = host
			w := httptest.NewRecorder()
			New(dir, here).ServeHTTP(w, r)
			if want := !here || local; (w.Code == 200) != want {
				t.Errorf("host %q, local %v: status %d", host, here, w.Code)
			}
		}
	}
}

// Reading changes nothing, and neither does a request that would.
func TestNothingIsWritten(t *testing.T) {
	h := New(sample(t), true)
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		r := httptest.NewRequest(method, "/runs/fair", nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: status %d", method, w.Code)
		}
	}
}
