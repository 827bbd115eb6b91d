//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package train

import (
	"os"
	"syscall"
)

// lock takes a folder until unlock or the end of the process, and writes nothing.
// A file system that has no such locks lets everyone have it.
func lock(dir string) (unlock func() error, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == syscall.EWOULDBLOCK || moved(f, dir) {
		f.Close()
		return nil, errBusy
	}
	return f.Close, nil
}

// moved reports whether a run that has just begun has moved the folder away.
func moved(f *os.File, dir string) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(dir)
	return err != nil || !os.SameFile(opened, there)
}
