package documents

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// given is what the reader of a document has already: code in front of its blocks.
var given = map[string]string{
	"graph/attack/README.md": `import (
	"context"
	"fmt"
	"log"

	"tapenet/graph"
	"tapenet/graph/attack"
	"tapenet/graph/raster"
)

ctx, normalisation := context.Background(), raster.Normalisation{}
layer, images, classes := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 10}}, [][]float32{make([]float32, 784)}, []int{3}
network, err := graph.NewNetwork(layer, []int{1, 28, 28}, graph.Options{})
if err != nil {
	log.Fatal(err)
}
weights := network.Weights
`,
	"graph/raster/corrupt/README.md": `import "tapenet/graph/raster/corrupt"
picture, index := corrupt.Picture{Pix: make([]float32, 28*28), C: 1, H: 28, W: 28}, 0
`,
}

// few has the blocks train on few digits.
const few = `package main

import "tapenet/train/data"

func few(d data.Dataset, err error) (data.Dataset, error) {
	if err == nil {
		d.Train, d.Test = data.Limit(d.Train, 500), data.Limit(d.Test, 100)
	}
	return d, err
}
`

// TestGo: the blocks of Go compile and run. Those of a document are one program, in which
// later ones see the variables of earlier ones; a block that begins with package main is
// one by itself. A block that stands in a Go file beside its document is quoted from there.
func TestGo(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs a program")
	}
	functions := map[string]string{}
	var order []string
	add := func(name, source string) {
		functions[name] = source
		order = append(order, name)
	}
	for _, d := range read(t) {
		var blocks []string
		for _, b := range d.Blocks {
			place := fmt.Sprintf("%s:%d", d.Path, b.Line)
			switch {
			case b.Language != "go" || quoted(t, d, b.Code):
			case strings.HasPrefix(b.Code, "package main\n"):
				add(place, "//line "+place+"\n"+b.Code)
			default:
				blocks = append(blocks, b.Code)
			}
		}
		if len(blocks) > 0 {
			add(d.Path, function(t, d.Path, append([]string{given[d.Path]}, blocks...)))
		}
	}
	if len(order) < 8 {
		t.Fatalf("Go in %q, want more documents", order)
	}
	program := build(t, functions)
	folder := goFolder(t)
	for _, name := range order { // the front page's first: it trains what others load
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			c := exec.CommandContext(ctx, program, name)
			c.Dir = folder
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// quoted says whether the code is in a Go file of its document's folder.
func quoted(t *testing.T, d Document, code string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(top, filepath.Dir(filepath.FromSlash(d.Path)), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(flush(string(content)), flush(code)) {
			return true
		}
	}
	return false
}

// flush removes indentation, and the alignment of comments.
func flush(code string) string {
	return regexp.MustCompile(`(?m)^\t+| +(?://)`).ReplaceAllString(code, "")
}

// function makes a file with a function main of blocks, each in the scope of the one
// before.
func function(t *testing.T, path string, blocks []string) string {
	t.Helper()
	imports := map[string]bool{}
	body := ""
	for _, code := range slices.Backward(blocks) {
		paths, code := cut(code)
		for _, p := range paths {
			imports[p] = true
		}
		body = fmt.Sprintf("%s\n{\n%s}\n%s", code, body, used(t, path, code))
	}
	return "package main\n\nimport (\n" + strings.Join(slices.Sorted(maps.Keys(imports)), "\n") + "\n)\n\nfunc main() {\n" + body + "}\n"
}

// cut takes the imports from a block.
func cut(code string) (imports []string, rest string) {
	if line, after, ok := strings.Cut(code, "\n"); ok && strings.HasPrefix(line, `import "`) {
		return []string{strings.TrimPrefix(line, "import ")}, after
	}
	if list, after, ok := strings.Cut(code, ")\n"); ok && strings.HasPrefix(code, "import (") {
		return strings.Fields(strings.TrimPrefix(list, "import (")), after
	}
	return nil, code
}

// used are statements that use the variables of a block, as a reader's next lines would.
func used(t *testing.T, path, code string) (statements string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, "package p\nfunc f() {\n"+code+"\n}", 0)
	if err != nil {
		t.Fatalf("%s: %v in\n%s", path, err, code)
	}
	for _, s := range file.Decls[0].(*ast.FuncDecl).Body.List {
		if a, ok := s.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
			for _, v := range a.Lhs {
				if name := v.(*ast.Ident).Name; name != "_" {
					statements += "_ = " + name + "\n"
				}
			}
		}
	}
	return statements
}

// build builds a program that runs the function main of the source that its argument names.
func build(t *testing.T, functions map[string]string) (program string) {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"few.go": few}
	list := "package main\n\nimport \"os\"\n\nfunc main() {\n\tmap[string]func(){\n"
	for i, name := range slices.Sorted(maps.Keys(functions)) {
		source := strings.Replace(functions[name], "func main() {", fmt.Sprintf("func main%d() {", i), 1)
		files[fmt.Sprintf("main%d.go", i)] = strings.ReplaceAll(source, "data.MNIST()", "few(data.MNIST())")
		list += fmt.Sprintf("\t\t%q: main%d,\n", name, i)
	}
	files["main.go"] = list + "\t}[os.Args[1]]()\n}\n"
	arguments := []string{"build", "-o", filepath.Join(dir, "program")}
	for name, source := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, filepath.Join(dir, name))
	}
	c := exec.Command("go", arguments...)
	c.Dir = top
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "program")
}

// goFolder has the files that the blocks read.
func goFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, from := range map[string]string{
		"digit.png":   "cmd/internal/infer/testdata/digit.png",
		"model.keras": "graph/keras/testdata/small.keras",
		"model.onnx":  "graph/onnx/testdata/pytorch.onnx",
		"x.onnx":      "graph/onnx/testdata/pytorch.onnx",
	} {
		copyFile(t, filepath.Join(dir, name), from)
	}
	if err := os.CopyFS(filepath.Join(dir, "model"), os.DirFS(filepath.Join(top, "graph/tfjs/testdata/functional"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyFile copies a file of the tree.
func copyFile(t *testing.T, to, from string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(from)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
