package graph_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goFiles parses the module's Go files, those of tests and generated ones left
// out, and calls f with each.
func goFiles(t *testing.T, f func(path string, set *token.FileSet, file *ast.File)) {
	t.Helper()
	files := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "testdata" || strings.HasPrefix(name, ".") && name != "..") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err == nil && !ast.IsGenerated(file) {
			files++
			f(path, set, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 200 {
		t.Errorf("found %d Go files, want the whole module's", files)
	}
}

// TestErrorsSayWant: errors have one form, what came, "want" what.
func TestErrorsSayWant(t *testing.T) {
	other := regexp.MustCompile(`(?i)\bexpect(ed|s|ing)?\b`)
	goFiles(t, func(_ string, set *token.FileSet, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.BasicLit); ok && s.Kind == token.STRING && other.MatchString(s.Value) {
				t.Errorf("%v: %s: say what came and \"want\" what", set.Position(s.Pos()), s.Value)
			}
			return true
		})
	})
}
