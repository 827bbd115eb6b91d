//go:build !unix

package label

import (
	"os"
	"os/exec"
)

// apart does nothing here.
func apart(*exec.Cmd) {}

// interrupt ends the process, as there is no other way. What goes on is the checkpoint
// of the last complete epoch.
func interrupt(p *os.Process) error { return p.Kill() }
