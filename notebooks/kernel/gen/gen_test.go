package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The committed registrations are what the exported API says today.
func TestBindingsAreCurrent(t *testing.T) {
	dir := t.TempDir()
	if err := generate(dir); err != nil {
		t.Fatal(err)
	}
	current := map[string]bool{}
	for _, p := range bound {
		current[fileName(p)] = true
	}
	committed, err := filepath.Glob("../bind/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range committed {
		byHand := strings.HasPrefix(filepath.Base(f), "bind")
		if !byHand && !current[filepath.Base(f)] {
			t.Errorf("%s: no package of the list has this file: delete it", f)
		}
	}
	for name := range current {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("../bind", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("../bind/%s is stale (%v): run go generate ./bind in notebooks/kernel and commit", name, err)
		}
	}
}
