package export

import (
	"cmp"
	"embed"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"tapenet/graph/gosource"
	"tapenet/graph/raster"
)

//go:embed program
var program embed.FS

// goSource is the network as a package, or with what makes it a program.
func goSource(n opened, o options) ([]gosource.File, error) {
	layer, err := n.Network()
	if err != nil {
		return nil, err
	}
	if err := n.classifies(); err != nil {
		return nil, err
	}
	files, err := gosource.Options{
		Package: o.pkg, Name: n.Title(), Classes: n.Classes, Preprocessing: n.Preprocessing, Temperature: n.Temperature,
	}.Export(layer, n.Tensors, n.Input)
	if err != nil || o.pkg != "main" {
		return files, err
	}
	p := n.Preprocessing
	files = append(files,
		gosource.File{Name: "go.mod", Content: []byte("module " + moduleName(n.Title()) + "\n\ngo 1.23\n")},
		gosource.File{Name: "preprocessing.go", Content: fmt.Appendf(nil,
			"package main\n\n// preprocessing says how pictures are prepared; Classify applies mean and deviation.\nvar preprocessing = Preprocessing{Fit: %q, Shorter: %d, Filter: %q}\n", p.Fit, p.Shorter, p.Filter)})
	for _, from := range []fs.FS{program, raster.Source} {
		more, err := sources(from)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	return files, nil
}

// onePackage returns an error if a folder has Go files of another package than
// those that are to be written into it, beside which they would stay.
func onePackage(dir string, files []gosource.File) error {
	replaced, pkg := map[string]bool{}, ""
	for _, f := range files {
		replaced[f.Name] = true
		if path.Ext(f.Name) == ".go" {
			pkg = packageOf(f.Content)
		}
	}
	if pkg == "" {
		return nil
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range there {
		if path.Ext(f.Name()) != ".go" || replaced[f.Name()] || !f.Type().IsRegular() {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		if other := packageOf(b); other != "" && other != pkg && strings.TrimSuffix(other, "_test") != pkg {
			return fmt.Errorf("export: %s holds %s of package %s, which does not go with package %s; want another folder, or delete its files first", dir, f.Name(), other, pkg)
		}
	}
	return nil
}

// packageOf is the name of the package that a Go file is of, or "" if it is of
// none.
func packageOf(file []byte) string {
	f, err := parser.ParseFile(token.NewFileSet(), "", file, parser.PackageClauseOnly)
	if err != nil {
		return ""
	}
	return f.Name.Name
}

// moduleName is a network's name as a module's path: letters, digits and -.
func moduleName(name string) string {
	name = regexp.MustCompile("[^a-z0-9]+").ReplaceAllString(strings.ToLower(name), "-")
	return cmp.Or(strings.Trim(name, "-"), "network")
}

// packageLine is the one of a file.
var packageLine = regexp.MustCompile(`(?m)^package \w+$`)

// sources are all files as those of package main.
func sources(from fs.FS) (files []gosource.File, err error) {
	err = fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		files = append(files, gosource.File{
			Name: strings.TrimSuffix(path.Base(name), ".txt"), Content: packageLine.ReplaceAll(b, []byte("package main")),
		})
		return nil
	})
	return files, err
}
