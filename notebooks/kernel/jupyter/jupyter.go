// Package jupyter registers the kernel with Jupyter and executes notebooks by
// Debian's nbconvert, without a browser.
package jupyter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Register writes the kernel's registration below a folder of Jupyter's data,
// such as ~/.local/share/jupyter, and returns its file. bin is the kernel.
func Register(data, bin string) (file string, err error) {
	dir := filepath.Join(data, "kernels", "gophernotes")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	spec, err := json.MarshalIndent(map[string]any{
		"argv":         []string{bin, "{connection_file}"},
		"display_name": "Go (tapenet)",
		"language":     "go",
		"name":         "go",
		// An import that is not compiled in must fail, not be downloaded.
		"env": map[string]string{"GOPROXY": "off"},
	}, "", "  ")
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, "kernel.json")
	return file, os.WriteFile(file, append(spec, '\n'), 0o644)
}

// Runner executes notebooks.
type Runner struct {
	Kernel    string        // the program that cmd/kernel builds
	Cell      time.Duration // limit for a cell; 0 means 5 minutes
	Notebook  time.Duration // limit for a notebook; 0 means 10 minutes
	KeepGoing bool          // after a cell that fails, whose error is then among the outputs
}

// Execute runs a notebook, in its own folder, and writes it with its outputs to
// another file. Its error names what failed: a cell, an import or the time limit.
func (r Runner) Execute(ctx context.Context, notebook, out string) error {
	dir, err := os.MkdirTemp("", "notebook") // all that Jupyter would keep in the home folder
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := Register(dir, r.Kernel); err != nil {
		return err
	}
	if r.Cell == 0 {
		r.Cell = 5 * time.Minute
	}
	if r.Notebook == 0 {
		r.Notebook = 10 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, r.Notebook)
	defer cancel()
	run := exec.CommandContext(ctx, "/usr/bin/jupyter", "nbconvert", "--to", "notebook", "--execute",
		"--ExecutePreprocessor.kernel_name=gophernotes",
		"--ExecutePreprocessor.startup_timeout=60",
		fmt.Sprintf("--ExecutePreprocessor.timeout=%d", int(r.Cell.Seconds())),
		fmt.Sprintf("--ExecutePreprocessor.allow_errors=%t", r.KeepGoing),
		"--ExecutePreprocessor.record_timing=False",
		"--CoalesceStreamsPreprocessor.enabled=True",
		"--output-dir", filepath.Dir(out), "--output", filepath.Base(out), notebook)
	run.Env = append(os.Environ(), "JUPYTER_PATH="+dir,
		"JUPYTER_RUNTIME_DIR="+dir, "JUPYTER_CONFIG_DIR="+dir, "JUPYTER_DATA_DIR="+dir, "IPYTHONDIR="+dir)
	// nbconvert ends the kernel first, if it is asked once: an interrupt from the
	// keyboard, which goes to a whole group of processes, must not reach it too.
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	run.Cancel = func() error { return run.Process.Signal(os.Interrupt) }
	run.WaitDelay = 10 * time.Second
	log, err := run.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", notebook, context.Cause(ctx))
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w; on Debian: apt-get install jupyter-nbconvert", err)
	case err != nil:
		return fmt.Errorf("%s: %s", notebook, failure(string(log)))
	}
	// gophernotes tries to download a package it does not have, and goes on without it.
	if missing := regexp.MustCompile(`running "go get[^"]*`).FindString(string(log)); missing != "" {
		return fmt.Errorf("%s: imports a package that the kernel does not have: %s", notebook, missing)
	}
	return nil
}

// failure is the end of nbconvert's log, from the last exception on: the cell and
// its error.
func failure(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "nbclient.exceptions.") {
			return strings.Join(lines[i:], "\n")
		}
	}
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
