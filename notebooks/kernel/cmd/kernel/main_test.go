package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A new machine's cache has no gophernotes, whose sources no package imports.
func TestSourcesWithAnEmptyCache(t *testing.T) {
	cache, err := exec.Command("go", "env", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir, proxy, _ := strings.Cut(strings.TrimSpace(string(cache)), "\n")
	t.Setenv("GOPROXY", "file://"+filepath.Join(dir, "cache", "download")+","+proxy) // this machine's cache first
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOFLAGS", "-modcacherw")
	files, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(f string) bool { return filepath.Base(f) == "main.go" }) {
		t.Errorf("sources %q, want main.go among them", files)
	}
}
