package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// program is the command train: beside this one, as make build puts them, or built by
// the go command, which go run ./cmd/label has at hand.
type program struct {
	file string // once it is found
	dir  string // with what was built, "" for nothing
}

// find returns the command's file.
func (p *program) find(ctx context.Context) (string, error) {
	if p.file != "" {
		return p.file, nil
	}
	name := "train"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if own, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(own), name)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			p.file = beside
			return beside, nil
		}
	}
	return p.build(ctx, name)
}

func (p *program) build(ctx context.Context, name string) (_ string, err error) {
	if p.dir, err = os.MkdirTemp("", "label"); err != nil {
		return "", err
	}
	file := filepath.Join(p.dir, name)
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", file, "tapenet/cmd/train").CombinedOutput(); err != nil {
		p.remove()
		if said := strings.TrimSpace(string(out)); said != "" {
			err = errors.New(said[strings.LastIndexByte(said, '\n')+1:])
		}
		return "", fmt.Errorf("there is no command train beside label, and go build has not made it (%w): want label run in tapenet's folder, or both built by make build", err)
	}
	p.file = file
	return file, nil
}

// remove removes what was built.
func (p *program) remove() {
	if p.dir != "" {
		os.RemoveAll(p.dir)
		p.dir, p.file = "", ""
	}
}
