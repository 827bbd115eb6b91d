package search

import (
	"os/exec"
	"syscall"
)

// apart puts a process into a group of its own, and has it stopped when the thread that
// starts it ends, which must be until then the caller's own: nobody else would stop a run
// whose search was killed.
func apart(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
