package weights

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// WriteFile replaces the file at path in one step: whoever opens path, even
// after a crash, finds either the old content or all that write wrote. write
// gets a buffered writer to a temporary file in path's folder; its name is
// random, so that processes writing the same path do not meet: the last one
// wins. The new file has the permissions 0o644 less the umask, whatever the old
// one had; a symbolic link at path is replaced, not followed.
//
// After an error (or a panic of write) the temporary file is gone and the old
// file is untouched, with one exception: if only the folder cannot be flushed
// to disk at the end, the new file is in place but a power cut may undo it.
func WriteFile(path string, write func(w io.Writer) error) error {
	if stat, err := os.Stat(path); err == nil && stat.IsDir() {
		return fmt.Errorf("weights: write %s: found a folder, want a file's path", path)
	}
	dir, err := os.Open(filepath.Dir(path)) // now, so that a folder that cannot be flushed is found before anything changes
	if err != nil {
		return fmt.Errorf("weights: write %s: %w", path, err)
	}
	defer dir.Close()
	temp, err := writeTemp(dir.Name(), write)
	if err != nil {
		return fmt.Errorf("weights: write %s: %w", path, err)
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp)
		return fmt.Errorf("weights: write %s: %w", path, bare(err, temp))
	}
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("weights: write %s: the file is written, but its folder is not flushed: %w", path, err)
	}
	return nil
}

// TempPrefix is what the names of temporary files begin with: one is left where a
// process was killed while it wrote.
const TempPrefix = ".tmp-"

// writeTemp makes a new file in dir, has write fill it, flushes it to the disk
// and returns its path. If anything fails it removes the file.
func writeTemp(dir string, write func(w io.Writer) error) (string, error) {
	path := filepath.Join(dir, TempPrefix+rand.Text())
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", fmt.Errorf("cannot create a file in folder %s: %w", dir, bare(err, path))
	}
	done := false
	defer func() { // also when write panics
		if !done {
			f.Close()
			os.Remove(path)
		}
	}()
	w := bufio.NewWriterSize(f, pieceSize)
	for _, step := range []func() error{func() error { return write(w) }, w.Flush, f.Sync, f.Close} {
		if err := step(); err != nil {
			return "", bare(err, path)
		}
	}
	done = true
	return path, nil
}

// syncDir flushes a folder's list of files, where the system can.
func syncDir(dir *os.File) error {
	if runtime.GOOS == "windows" {
		return nil // has no such call
	}
	err := dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil // some network file systems refuse
	}
	return err
}

// bare takes the path of a temporary file out of an error: the file is gone,
// and its name would help nobody.
func bare(err error, temp string) error {
	switch e := err.(type) {
	case *fs.PathError:
		if e.Path == temp {
			return e.Err
		}
	case *os.LinkError:
		if e.Old == temp {
			return e.Err
		}
	}
	return err
}
