package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFolderIsReadOnce: the classes and the images beside them are of one look at the folder, so that they agree if it changes meanwhile.
func TestFolderIsReadOnce(t *testing.T) {
	whole, split := t.TempDir(), t.TempDir()
	var picture bytes.Buffer
	encodePNG(t, &picture, lettered(4, 4))
	for _, root := range []string{whole, filepath.Join(split, train), filepath.Join(split, test)} {
		for _, class := range []string{"a", "b"} {
			for k := range testShare {
				writeFile(t, filepath.Join(root, class, fmt.Sprintf("%d.png", k)), picture.Bytes())
			}
		}
	}
	for _, c := range []struct{ root, watched, part string }{
		{whole, whole, train}, {whole, whole, test}, {split, filepath.Join(split, train), train}, {split, filepath.Join(split, test), test},
	} {
		reads := opensOf(t, c.watched, func() { opened(t, Options{Name: "folder", Dir: c.root, Split: c.part, Height: 4, Width: 4}) })
		if reads != 1 {
			t.Errorf("%s of %s: %d reads", c.part, c.watched, reads)
		}
	}
}

// opensOf counts how often a folder is opened while f runs. Linux makes one event of equal ones that follow each other: the events of
// closing keep them apart.
func opensOf(t *testing.T, dir string, f func()) (n int) {
	t.Helper()
	watch, err := syscall.InotifyInit1(syscall.IN_NONBLOCK)
	if err != nil {
		t.Skip("no inotify: ", err)
	}
	defer syscall.Close(watch)
	if _, err := syscall.InotifyAddWatch(watch, dir, syscall.IN_OPEN|syscall.IN_CLOSE_NOWRITE|syscall.IN_ONLYDIR); err != nil {
		t.Skip("no inotify: ", err)
	}
	f()
	events := make([]byte, 1<<16)
	size, err := syscall.Read(watch, events)
	if err != nil {
		t.Fatal(err)
	}
	for events = events[:size]; len(events) > 0; {
		mask, name := binary.NativeEndian.Uint32(events[4:]), binary.NativeEndian.Uint32(events[12:])
		if mask&syscall.IN_OPEN != 0 && name == 0 { // of the folder itself, and of nothing in it
			n++
		}
		events = events[syscall.SizeofInotifyEvent+name:]
	}
	return n
}
