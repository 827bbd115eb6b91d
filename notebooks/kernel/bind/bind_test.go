package bind

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cosmos72/gomacro/imports"
)

// gophernotes does not fail on an import that it does not have, so nbconvert
// would not either.
func TestNotebooksImportOnlyWhatIsBound(t *testing.T) {
	notebooks, err := filepath.Glob("../../*.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	if len(notebooks) != 6 {
		t.Errorf("found %d notebooks, want 6", len(notebooks))
	}
	for _, notebook := range notebooks {
		found := 0
		for _, path := range importsOf(t, notebook) {
			found++
			if _, ok := imports.Packages[path]; !ok {
				t.Errorf("%s imports %q: add it to the list in ../gen", notebook, path)
			}
		}
		if found == 0 {
			t.Errorf("%s: found no import", notebook)
		}
	}
}

// importsOf returns what the code cells of a notebook import.
func importsOf(t *testing.T, notebook string) (paths []string) {
	t.Helper()
	text, err := os.ReadFile(notebook)
	if err != nil {
		t.Fatal(err)
	}
	var content struct {
		Cells []struct {
			Type   string   `json:"cell_type"`
			Source []string `json:"source"`
		} `json:"cells"`
	}
	if err := json.Unmarshal(text, &content); err != nil {
		t.Fatal(err)
	}
	for _, c := range content.Cells {
		source := strings.Join(c.Source, "")
		if c.Type != "code" || !strings.HasPrefix(source, "import") {
			continue
		}
		// Statements follow the imports in a cell, which the parser need not see.
		f, err := parser.ParseFile(token.NewFileSet(), notebook, "package cell\n"+source, parser.ImportsOnly)
		if err != nil {
			t.Errorf("%s: %v", notebook, err)
			continue
		}
		for _, i := range f.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, path)
		}
	}
	return paths
}

func TestNoWrappers(t *testing.T) {
	for path, p := range imports.Packages {
		if p.Wrappers != nil {
			t.Errorf("%s has Wrappers, which make the interpreter call the wrong method", path)
		}
	}
}
