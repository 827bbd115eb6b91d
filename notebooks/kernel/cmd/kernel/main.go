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
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// sources are gophernotes' Go files, in the cache of modules, which gets them first if it
// lacks them.
func sources() ([]string, error) {
	download := exec.Command("go", "mod", "download", "-json", "github.com/gopherdata/gophernotes")
	text, err := download.Output()
	var module struct{ Dir, Error string }
	if json.Unmarshal(text, &module) == nil && module.Error != "" {
		return nil, errors.New(module.Error)
	}
	if err != nil {
		return nil, fmt.Errorf("%v: %w; run it in notebooks/kernel", download, err)
	}
	files, err := filepath.Glob(filepath.Join(module.Dir, "*.go"))
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
	if len(files) == 0 {
		return nil, fmt.Errorf("found no source of gophernotes in %q, want its Go files", module.Dir)
	}
	return files, err
}

// build links gophernotes, which is a program and cannot be imported, from a
// folder of ours: an overlay puts its source files there for the compiler alone.
func build(bin string, stderr io.Writer) error {
	files, err := sources()
	if err != nil {
		return err
	}
	overlay := map[string]string{}
	for _, f := range files {
		overlay[filepath.Join("cmd", "gophernotes", "gn_"+filepath.Base(f))] = f
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
