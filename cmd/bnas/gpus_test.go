package main

import (
	"net"
	"slices"
	"strings"
	"testing"
)

// TestReachable: the command that is printed never leads to an address of no machine.
func TestReachable(t *testing.T) {
	for _, same := range []string{"127.0.0.1:4222", "192.0.2.1:1", "[::1]:4222"} {
		if got := reachable(same); got != same {
			t.Errorf("%s became %s", same, got)
		}
	}
	for _, every := range []string{"[::]:4222", "0.0.0.0:4222"} {
		host, port, err := net.SplitHostPort(reachable(every))
		if ip := net.ParseIP(host); err != nil || port != "4222" || ip == nil || ip.IsUnspecified() {
			t.Errorf("%s became %s", every, reachable(every))
		}
	}
}

// TestGPUsOfWorkers: the worker at place k has the GPU k mod n of the list. One that the machine does not show is an error.
func TestGPUsOfWorkers(t *testing.T) {
	for _, c := range []struct {
		named gpuList
		there int
		want  []string // of the workers at places 0 to 4
	}{
		{gpuList{0, 1}, 2, []string{"0", "1", "0", "1", "0"}},
		{gpuList{3, 1, 2}, 4, []string{"3", "1", "2", "3", "1"}},
		{nil, 2, []string{"0", "1", "0", "1", "0"}}, // all
		{gpuList{0, 2}, 2, nil},
	} {
		gpus, err := c.named.among(c.there)
		if c.want == nil {
			if err == nil || !strings.Contains(err.Error(), "--gpus: there is no GPU 2: this machine shows 2, counted from 0") {
				t.Errorf("%v of %d: %v", c.named, c.there, err)
			}
			continue
		}
		for place, want := range c.want {
			if got := workerProcess(1, gpus.flags(place), "", "").Args; !slices.Equal(got[len(got)-2:], []string{"--gpu", want}) {
				t.Errorf("%v of %d, place %d: %q, want GPU %s", c.named, c.there, place, got, want)
			}
		}
	}
	if got := gpuList(nil).flags(1); got != nil {
		t.Errorf("without --gpus: %q", got)
	}
}

// TestSharersOfWorkers: each worker learns how many have its GPU.
func TestSharersOfWorkers(t *testing.T) {
	for _, c := range []struct {
		gpus   gpuList
		places int
		want   []int // of the workers at places from 0
	}{
		{nil, 3, []int{3, 3, 3}},
		{gpuList{0, 1}, 2, []int{1, 1}},
		{gpuList{0, 1}, 5, []int{3, 2, 3, 2, 3}},
		{gpuList{2, 2, 1}, 4, []int{3, 3, 1, 3}},
	} {
		for place, want := range c.want {
			name, value, _ := strings.Cut(c.gpus.sharers(place, c.places), "=")
			t.Setenv(name, value)
			if got := sharersOfDevice(); got != want {
				t.Errorf("%v, place %d of %d: %d, want %d", c.gpus, place, c.places, got, want)
			}
		}
	}
	t.Setenv(sharersVariable, "")
	if got := sharersOfDevice(); got != 0 {
		t.Errorf("no worker: %d", got)
	}
}
