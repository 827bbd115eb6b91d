// Package regular opens the files that users name. A named pipe, a socket or a
// device may have no end, and opening a named pipe waits for a writer that may never
// come: they are refused before they are opened, in one line.
//
//	f, size, err := regular.Open(path)    // what is read by its size, or at offsets
//	f, err := regular.Stream(path)        // what is read once, from its beginning
//	text, err := regular.Read(path, 1<<16) // a short text, such as settings or a token
//
// Stream and Read also take a pipe that the process has open already, as in
// infer <(convert a.pdf png:-) or infer /dev/stdin: somebody writes into that one.
package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Open opens a regular file, or a link to one, and returns its size.
func Open(path string) (*os.File, int64, error) {
	if err := check(path, os.Stat); err != nil {
		return nil, 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	size, err := sizeOf(f, path)
	return f, size, err
}

// OpenIn is Open in a file system.
func OpenIn(fsys fs.FS, name string) (fs.File, int64, error) {
	if err := check(name, func(name string) (fs.FileInfo, error) { return fs.Stat(fsys, name) }); err != nil {
		return nil, 0, err
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, 0, err
	}
	size, err := sizeOf(f, name)
	return f, size, err
}

// Stream opens a regular file, or something else that the process has open already.
func Stream(path string) (*os.File, error) {
	if !isOpen(path) {
		f, _, err := Open(path)
		return f, err
	}
	if s, err := os.Stat(path); err == nil && s.IsDir() {
		return nil, kind(path, s.Mode())
	}
	return os.Open(path)
}

// Read returns the content of what Stream opens, of at most so many bytes.
func Read(path string, most int) ([]byte, error) {
	f, err := Stream(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f, path, most)
}

// ReadIn is the content of a regular file in a file system, of at most so many bytes.
func ReadIn(fsys fs.FS, name string, most int) ([]byte, error) {
	f, _, err := OpenIn(fsys, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f, name, most)
}

func read(f fs.File, name string, most int) ([]byte, error) {
	s, err := f.Stat()
	if err != nil {
		return nil, err
	}
	text := []byte(nil)
	if s.Size() <= int64(most) { // else it is not worth reading
		if text, err = io.ReadAll(io.LimitReader(f, int64(most)+1)); err != nil {
			return nil, err
		}
	}
	if s.Size() > int64(most) || len(text) > most {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("more than %d bytes, want at most that", most)}
	}
	return text, nil
}

// isOpen reports whether a path names a descriptor that the process has.
func isOpen(path string) bool {
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
		if strings.HasPrefix(path, dir) {
			return true
		}
	}
	return path == "/dev/stdin"
}

// check returns an error for what is no regular file.
func check(name string, stat func(string) (fs.FileInfo, error)) error {
	s, err := stat(name)
	var of *fs.PathError
	switch {
	case errors.As(err, &of): // reads as if opening had failed
		return &fs.PathError{Op: "open", Path: of.Path, Err: of.Err}
	case err != nil:
		return err
	case !s.Mode().IsRegular():
		return kind(name, s.Mode())
	}
	return nil
}

// sizeOf is the size of an open file, which it closes if that is no regular one: it
// may have been replaced since it was checked.
func sizeOf(f fs.File, name string) (int64, error) {
	s, err := f.Stat()
	if err == nil && !s.Mode().IsRegular() {
		err = kind(name, s.Mode())
	}
	if err != nil {
		f.Close()
		return 0, err
	}
	return s.Size(), nil
}

// kind is the error of a file of another kind.
func kind(name string, mode fs.FileMode) error {
	what := "a device"
	switch {
	case mode.IsDir():
		what = "a folder"
	case mode&fs.ModeNamedPipe != 0:
		what = "a named pipe"
	case mode&fs.ModeSocket != 0:
		what = "a socket"
	}
	return &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("found %s, want a regular file", what)}
}
