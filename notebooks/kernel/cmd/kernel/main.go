// Kernel builds gophernotes with our packages compiled in and makes it known to
// Jupyter:
//
//	go run ./cmd/kernel -o ../../bin/gophernotes -prefix ~/.local
//
// The kernel's registration is in PREFIX/share/jupyter, where Jupyter looks if
// PREFIX is ~/.local, /usr/local or /usr, or if JUPYTER_PATH says so.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"tapenet/notebooks/kernel/jupyter"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "kernel:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("kernel", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("o", "../../bin/gophernotes", "the kernel's `file`")
	prefix := flags.String("prefix", "", "`folder` below which the kernel is registered, as in ~/.local; none if empty")
	if err := flags.Parse(args); err != nil {
		return err
	}
	bin, err := filepath.Abs(*out)
	if err != nil {
		return err
	}
	if err := build(bin, stderr); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "built", bin)
	if *prefix == "" {
		return nil
	}
	spec, err := jupyter.Register(filepath.Join(*prefix, "share", "jupyter"), bin)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "registered", spec)
	return nil
}

// build links gophernotes, which is a program and cannot be imported, from a
// folder of ours: an overlay puts its source files there for the compiler alone.
func build(bin string, stderr io.Writer) error {
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/gopherdata/gophernotes").Output()
	if err != nil {
		return fmt.Errorf("go list: %w; run it in notebooks/kernel, after go mod download", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(module)), "*.go"))
	if err != nil {
		return err
	}
	overlay := map[string]string{}
	for _, f := range files {
		if !strings.HasSuffix(f, "_test.go") {
			overlay[filepath.Join("cmd", "gophernotes", "gn_"+filepath.Base(f))] = f
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "kernel")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, text, 0o644); err != nil {
		return err
	}
	link := exec.Command("go", "build", "-tags", "gophernotes", "-overlay", list, "-o", bin, "./cmd/gophernotes")
	link.Stdout, link.Stderr = stderr, stderr
	return link.Run()
}
