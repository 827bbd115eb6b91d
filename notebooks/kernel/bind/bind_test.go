package bind

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cosmos72/gomacro/imports"
)

type codeCell struct {
	Type    string   `json:"cell_type"`
	Source  []string `json:"source"`
	Count   int      `json:"execution_count"`
	Outputs []struct {
		Type string         `json:"output_type"`
		Data map[string]any `json:"data"`
	} `json:"outputs"`
}

// notebooks are the code cells of each notebook.
func notebooks(t *testing.T) map[string][]codeCell {
	t.Helper()
	files, err := filepath.Glob("../../*.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 8 {
		t.Errorf("found %d notebooks, want 8", len(files))
	}
	found := map[string][]codeCell{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var content struct{ Cells []codeCell }
		if err := json.Unmarshal(text, &content); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		found[file] = slices.DeleteFunc(content.Cells, func(c codeCell) bool { return c.Type != "code" })
	}
	return found
}

// gophernotes does not fail on an import that it does not have, so nbconvert
// would not either.
func TestNotebooksImportOnlyWhatIsBound(t *testing.T) {
	for file, cells := range notebooks(t) {
		found := 0
		for _, c := range cells {
			for _, path := range importsOf(t, file, strings.Join(c.Source, "")) {
				found++
				if _, ok := imports.Packages[path]; !ok {
					t.Errorf("%s imports %q: add it to the list in ../gen", file, path)
				}
			}
		}
		if found == 0 {
			t.Errorf("%s: found no import", file)
		}
	}
}

// importsOf returns what a cell imports.
func importsOf(t *testing.T, file, source string) (paths []string) {
	t.Helper()
	if !strings.HasPrefix(source, "import") {
		return nil
	}
	// Statements follow the imports in a cell, which the parser need not see.
	f, err := parser.ParseFile(token.NewFileSet(), file, "package cell\n"+source, parser.ImportsOnly)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return nil
	}
	for _, i := range f.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// Notebooks are committed as a run from top to bottom has left them, with
// pictures.
func TestNotebooksHaveTheirOutputs(t *testing.T) {
	for file, cells := range notebooks(t) {
		pictures := 0
		for i, c := range cells {
			if c.Count != i+1 {
				t.Errorf("%s: code cell %d has execution count %d: execute the notebook and commit it", file, i+1, c.Count)
			}
			for _, o := range c.Outputs {
				if o.Type == "error" {
					t.Errorf("%s: code cell %d ends in an error", file, i+1)
				}
				if o.Data["image/png"] != nil || strings.Contains(fmt.Sprint(o.Data["text/html"]), "data:image/") {
					pictures++
				}
			}
		}
		if pictures == 0 {
			t.Errorf("%s: no picture among the outputs", file)
		}
	}
}

func TestNoWrappers(t *testing.T) {
	for path, p := range imports.Packages {
		if p.Wrappers != nil {
			t.Errorf("%s has Wrappers, which make the interpreter call the wrong method", path)
		}
	}
}
