//go:build unix

package export

import (
	"os"
	"path/filepath"
	"testing"
)

// standIn is a go command that writes the folder it runs in where it should build
// a program, and whose support in JavaScript is of that folder too.
const standIn = `#!/bin/sh
if [ "$1" = env ]; then
	mkdir -p lib/wasm && pwd >lib/wasm/wasm_exec.js && pwd
else
	while [ "$1" != -o ]; do shift; done
	pwd >"$2"
fi
`

// TestOneGo: what runs on the page and its support are of one go command, as it is
// in one folder.
func TestOneGo(t *testing.T) {
	bin, out := t.TempDir(), filepath.Join(t.TempDir(), "page")
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(standIn), 0o755); err != nil {
		t.Fatal(err)
	}
	run := model(t, "lenet5")
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Chdir(t.TempDir())
	if _, err := export(t, "-model", run, "-to", "page", "-out", out); err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, name := range []string{"model.wasm", "wasm_exec.js"} {
		b, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, string(b))
	}
	if folders[0] == "" || folders[0] != folders[1] {
		t.Errorf("built in %q, the support is of %q, want one folder", folders[0], folders[1])
	}
}
