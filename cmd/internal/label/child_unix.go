//go:build unix && !linux

package label

import (
	"os"
	"os/exec"
	"syscall"
)

// apart has a terminal's Ctrl-C reach this process alone, which hands it on once: a
// second one would end the training before it is saved.
func apart(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func interrupt(p *os.Process) error { return p.Signal(os.Interrupt) }
