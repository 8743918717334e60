package main

import "testing"

// A browser that goes away without a word must not keep a connection, and its file, for ever.
func TestServeEndsConnections(t *testing.T) {
	s := pageServer(nil)
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 {
		t.Errorf("header %v, read %v, write %v, idle %v: each needs a bound", s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout)
	}
}
