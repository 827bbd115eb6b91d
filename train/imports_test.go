package train

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Fit takes any layer: the package knows graph and weights, but no network and nobody who uses it.
func TestImports(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 5 {
		t.Fatalf("found %v (%v), want the package's files", files, err)
	}
	allowed := map[string]bool{"tapenet/graph": true, "tapenet/graph/weights": true, "tapenet/train/data": true}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(path, "tapenet/") && !allowed[path] {
				t.Errorf("%s imports %s, want none of ours but graph, graph/weights and train/data", file, path)
			}
		}
	}
}
