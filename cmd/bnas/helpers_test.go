package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// What tests on every system use is here: a file with tests of Unix alone has none of it.

// longTests: the tests disturb more, and repeat more.
var longTests = os.Getenv("BNAS_LONG") != ""

// inProcess runs a command line in this process.
func inProcess(args ...string) (code int, stdout, stderr string) {
	var out, log bytes.Buffer
	code = execute(append([]string{"bnas"}, args...), &out, &log)
	return code, out.String(), log.String()
}

// line runs a command line in this process and returns its exit code and stderr.
func line(text string) (code int, stdout, stderr string) { return inProcess(strings.Fields(text)...) }

// succeeds runs a command line that must succeed.
func succeeds(t *testing.T, text string) (stdout string) {
	t.Helper()
	code, stdout, stderr := line(text)
	if code != exitOK {
		t.Fatalf("%s: exit code %d: %s", text, code, stderr)
	}
	return stdout
}

// readPage returns the text of a page of the docs.
func readPage(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
