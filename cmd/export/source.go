package main

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"tapenet/graph/gosource"
	"tapenet/infer/raster"
)

//go:embed program
var program embed.FS

// goSource is the network as a package, or with what makes it a program.
func goSource(n network, o options) ([]gosource.File, error) {
	layer, err := n.build()
	if err != nil {
		return nil, err
	}
	if err := n.classifies(); err != nil {
		return nil, err
	}
	files, err := gosource.Options{
		Package: o.pkg, Name: n.title(), Classes: n.Classes, Mean: n.Mean, Deviation: n.Deviation,
	}.Export(layer, n.Tensors, n.Input)
	if err != nil || o.pkg != "main" {
		return files, err
	}
	files = append(files,
		gosource.File{Name: "go.mod", Content: []byte("module " + moduleName(n.title()) + "\n\ngo 1.22\n")},
		gosource.File{Name: "scaled.go", Content: fmt.Appendf(nil,
			"package main\n\n// scaledPictures says how pictures in grey are prepared: scaled as a whole, or as strokes.\nconst scaledPictures = %t\n", n.Scaled)})
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
