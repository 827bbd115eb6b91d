//go:build unix && !linux

package search

import (
	"os/exec"
	"syscall"
)

// apart puts a process into a group of its own. One whose search was killed ends after
// its epoch, when it finds nobody who reads its output.
func apart(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
