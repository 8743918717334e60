package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bnas.example/run"
)

// A process that advances is well, one that stands still is not, and none is well.
func TestRunsCheck(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "studies", "second")
	for _, folder := range []string{first, second, filepath.Join(dir, "lost+found")} {
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "lost+found"), 0); err != nil { // as on a new volume
		t.Fatal(err)
	}
	check := func(code int, want string) {
		t.Helper()
		var out, log bytes.Buffer
		got := execute([]string{"bnas", "runs", "check", "--runs", dir}, &out, &log)
		if text := out.String() + log.String(); got != code || !strings.Contains(text, want) {
			t.Errorf("exit code %d, want %d with %q: %s", got, code, want, text)
		}
	}
	long := func(folder string) {
		t.Helper()
		past := time.Now().Add(-20 * time.Minute)
		if err := os.Chtimes(filepath.Join(folder, ".lock"), past, past); err != nil {
			t.Fatal(err)
		}
	}
	lock := func(folder string) (unlock func()) {
		t.Helper()
		unlock, err := run.LockFolder(folder)
		if err != nil {
			t.Fatal(err)
		}
		return unlock
	}

	check(exitOK, "no process works in "+dir)
	unlock := lock(first)
	check(exitOK, "first  changed 0 s ago")
	long(first)
	check(exitFailure, "first: a process works there, and nothing has changed for 20 min; --stalled allows 15 min.")
	if err := os.WriteFile(filepath.Join(first, run.StatusName), nil, 0o666); err != nil { // one that stands still writes it too
		t.Fatal(err)
	}
	check(exitFailure, "nothing has changed for 20 min")
	if err := os.WriteFile(filepath.Join(first, "metrics.jsonl"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	check(exitOK, "first  changed 0 s ago")

	if err := os.Remove(filepath.Join(first, "metrics.jsonl")); err != nil {
		t.Fatal(err)
	}
	unlockSecond := lock(second)
	check(exitOK, "second  changed 0 s ago") // one of two is enough
	long(second)
	check(exitFailure, "20 min")
	unlockSecond()
	unlock()
	check(exitOK, "no process works in "+dir)
}
