package export

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"tapenet/graph/gosource"
	"tapenet/infer/serve"
)

//go:embed page/backend.js
var backend []byte

// page is the server's page with the network in it: a folder for any server of
// files. It needs the go command.
func page(ctx context.Context, n opened, _ options) ([]gosource.File, error) {
	program, err := goSource(n, options{pkg: "main"})
	if err != nil {
		return nil, err
	}
	wasm, support, err := compile(ctx, program)
	if err != nil {
		return nil, err
	}
	files := []gosource.File{{Name: "model.wasm", Content: wasm}, {Name: "wasm_exec.js", Content: support}, {Name: "backend.js", Content: backend}}
	own, err := fs.Glob(serve.Page(), "*")
	if err != nil {
		return nil, err
	}
	for _, name := range own {
		if name == "backend.js" {
			continue
		}
		b, err := fs.ReadFile(serve.Page(), name)
		if err != nil {
			return nil, err
		}
		files = append(files, gosource.File{Name: name, Content: b})
	}
	return files, nil
}

// compile builds a program for js and wasm. With it comes the support of the same
// Go: which one the go command is may depend on the folder.
func compile(ctx context.Context, program []gosource.File) (wasm, support []byte, err error) {
	dir, err := os.MkdirTemp("", "export")
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if _, err := writeFolder(dir, program); err != nil {
		return nil, nil, err
	}
	out := filepath.Join(dir, "model.wasm")
	if _, err := goCommand(ctx, dir, "build", "-ldflags", "-s -w", "-o", out, "."); err != nil {
		return nil, nil, err
	}
	if wasm, err = os.ReadFile(out); err != nil {
		return nil, nil, err
	}
	support, err = wasmExec(ctx, dir)
	return wasm, support, err
}

// goCommand runs the go command in a folder for js and wasm, without any other
// module.
func goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "GOWORK=off", "GOFLAGS=-mod=mod")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("export: go %s, which -to page needs: %w %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// wasmExec is Go's own support in JavaScript for a program built in a folder.
func wasmExec(ctx context.Context, dir string) ([]byte, error) {
	root, err := goCommand(ctx, dir, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(root, "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return nil, fmt.Errorf("export: Go's own wasm_exec.js, which -to page needs: %w", err)
	}
	return b, nil
}
