// Gen writes the registrations of package bind: for each package below, all its
// exported functions, variables, constants and types, so that a notebook's cell
// can use them.
//
//	go run ./gen bind
package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"
)

// bound lists what a notebook may import.
var bound = []string{
	"tapenet/graph",
	"tapenet/graph/attack",
	"tapenet/graph/bound",
	"tapenet/graph/draw",
	"tapenet/graph/graphtest",
	"tapenet/graph/memory",
	"tapenet/graph/metric",
	"tapenet/graph/onnx",
	"tapenet/graph/op",
	"tapenet/graph/raster",
	"tapenet/graph/raster/corrupt",
	"tapenet/graph/weights",
	"tapenet/infer",
	"tapenet/infer/robust",
	"tapenet/modelzoo",
	"tapenet/modelzoo/open",
	"tapenet/notebooks/cell",
	"tapenet/notebooks/show",
	"tapenet/train",
	"tapenet/train/data",
	"tapenet/train/data/scenes",
	"tapenet/train/report",

	"github.com/chewxy/hm",
	"gorgonia.org/gorgonia",
	"gorgonia.org/tensor",

	"bytes",
	"context",
	"encoding/json",
	"errors",
	"fmt",
	"hash",
	"hash/fnv",
	"image",
	"image/color",
	"image/draw",
	"image/png",
	"io",
	"math",
	"math/rand/v2",
	"os",
	"path/filepath",
	"sort",
	"strconv",
	"strings",
	"time",
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen FOLDER")
		os.Exit(2)
	}
	if err := generate(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate writes one file for each bound package into dir.
func generate(dir string) error {
	const need = packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps
	ps, err := packages.Load(&packages.Config{Mode: need}, bound...)
	if err != nil {
		return err
	}
	for _, p := range ps {
		if len(p.Errors) > 0 {
			return fmt.Errorf("%s: %w", p.PkgPath, p.Errors[0])
		}
		text, err := newFile(p.Types).source()
		if err := cmp.Or(err, os.WriteFile(filepath.Join(dir, fileName(p.PkgPath)), text, 0o644)); err != nil {
			return fmt.Errorf("%s: %w", p.PkgPath, err)
		}
	}
	return nil
}

// fileName is a package's file, as in tapenet_graph_op.go.
func fileName(path string) string {
	return strings.NewReplacer("/", "_", ".", "_").Replace(path) + ".go"
}
