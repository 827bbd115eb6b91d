package regular

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPipes: a named pipe and a socket are refused, not waited for; a pipe that the
// process has open is read.
func TestPipes(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, want := range map[string]string{"pipe": "found a named pipe, want a regular file", "socket": "found a socket, want a regular file"} {
		path := filepath.Join(dir, name)
		_, _, err1 := Open(path)
		_, err2 := Stream(path)
		_, err3 := Read(path, 9)
		_, _, err4 := OpenIn(os.DirFS(dir), name)
		_, err5 := ReadIn(os.DirFS(dir), name, 9)
		for i, err := range []error{err1, err2, err3, err4, err5} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, way %d: error %v, want %q", name, i+1, err, want)
			}
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	io.WriteString(w, "hello")
	w.Close()
	path := fmt.Sprintf("/dev/fd/%d", r.Fd())
	if text, err := Read(path, 5); string(text) != "hello" || err != nil {
		t.Errorf("a pipe that is open: %q, %v", text, err)
	}
	if _, _, err := Open(path); err == nil || !strings.Contains(err.Error(), "a named pipe") {
		t.Errorf("a pipe that is open, by its size: %v, want an error", err)
	}
}
