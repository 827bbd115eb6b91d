package main

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"tapenet/graph/gosource"
	"tapenet/graph/weights"
	"tapenet/infer/raster"
	"tapenet/modelzoo"
)

//go:embed program
var program embed.FS

// goSource is the network as a package, or with what makes it a program.
func goSource(m weights.Model, o options) ([]gosource.File, error) {
	spec, err := modelzoo.Lookup(m.Name)
	if err != nil {
		return nil, err
	}
	files, err := gosource.Options{
		Package: o.pkg, Name: m.Name, Classes: m.Classes, Mean: m.Mean, Deviation: m.Deviation,
	}.Export(spec.New(len(m.Classes)), m.Tensors, m.Input)
	if err != nil || o.pkg != "main" {
		return files, err
	}
	files = append(files,
		gosource.File{Name: "go.mod", Content: []byte("module " + moduleName(m.Name) + "\n\ngo 1.22\n")},
		gosource.File{Name: "scaled.go", Content: fmt.Appendf(nil,
			"package main\n\n// scaledPictures says how pictures in grey are prepared: scaled as a whole, or as strokes.\nconst scaledPictures = %t\n", m.Scaled)})
	for _, from := range []fs.FS{program, raster.Source} {
		more, err := sources(from)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	return files, nil
}

// moduleName is a network's name as a module's path: letters, digits and -.
func moduleName(name string) string {
	return regexp.MustCompile("[^a-z0-9-]+").ReplaceAllString(name, "-")
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
