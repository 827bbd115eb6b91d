package graph_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// arrows lists what each package of the module may import of it. A package that
// is not listed has the rules of the nearest folder above that is. "*" is
// everything. A new arrow is a change of the design.
var arrows = map[string][]string{
	kernels + "/cpu":          {},
	kernels + "/vector":       {kernels + "/cpu"},
	kernels + "/gemm":         {"graph/internal/hugepage", kernels + "/cpu"},
	kernels + "/pixel":        {kernels + "/cpu", kernels + "/vector"},
	kernels + "/plane":        {kernels + "/cpu"},
	kernels + "/conv":         {"graph/internal/hugepage", kernels + "/cpu", kernels + "/vector", kernels + "/gemm", kernels + "/pixel", kernels + "/plane"},
	kernels:                   {kernels + "/cpu", kernels + "/vector", kernels + "/gemm", kernels + "/pixel", kernels + "/conv"},
	kernels + "/kerneltest":   {kernels + "/cpu"}, // for tests
	"graph/internal/arena":    {},
	"graph/internal/hugepage": {},
	"graph/internal/program":  {"graph/internal/hugepage", "graph/internal/arena", kernels, kernels + "/cpu", kernels + "/pixel", kernels + "/conv"},
	"graph/op":                {"graph/internal/program", kernels, kernels + "/cpu", kernels + "/vector", kernels + "/gemm", kernels + "/conv"},
	"graph/update":            {kernels + "/cpu", kernels + "/vector"},
	"graph":                   {"graph/op"},
	"graph/attack":            {"graph", "graph/op", "graph/raster"},
	"graph/bound":             {"graph", "graph/op", "graph/raster"},
	"graph/draw":              {"graph"},
	"graph/gosource":          {"graph", "graph/internal/arena", "graph/op", "graph/raster"},
	"graph/keras":             {"graph/keras/hdf5", "graph/keras/topology", "graph/regular", "graph/weights"},
	"graph/keras/hdf5":        {},
	"graph/keras/topology":    {"graph", "graph/op"},
	"graph/tfjs":              {"graph/keras/topology", "graph/regular", "graph/weights"},
	"graph/memory":            {},
	"graph/metric":            {},
	"graph/onnx":              {"graph/internal/hugepage", "graph", "graph/op", "graph/raster", "graph/regular"},
	"graph/graphtest":         {"graph", "graph/op", "graph/weights"},
	"graph/raster":            {},
	"graph/regular":           {},
	"graph/raster/corrupt":    {},
	"graph/raster/letter":     {},
	"graph/raster/decode":     {"graph/raster"},
	"graph/weights":           {"graph/internal/hugepage", "graph/raster", "graph/regular"},
	"modelzoo":                {"graph", "graph/op"},
	"modelzoo/open":           {"graph", "graph/keras", "graph/keras/topology", "graph/memory", "graph/onnx", "graph/op", "graph/raster", "graph/regular", "graph/tfjs", "graph/weights", "modelzoo"},
	"train":                   {"graph", "graph/attack", "graph/bound", "graph/memory", "graph/metric", "graph/raster", "graph/op", "graph/update", "graph/weights", "train/chart", "train/data"},
	"train/chart":             {},
	"train/data":              {"graph/memory", "graph/raster", "graph/raster/corrupt", "graph/raster/decode", "graph/regular"},
	"train/data/scenes":       {"graph/weights"},
	"train/data/parquet":      {"train/data", "graph/raster", "graph/regular"},
	"train/mpi":               {},
	"train/report":            {"graph", "graph/metric", "graph/raster", "graph/regular", "graph/weights", "train", "train/chart", "train/data"},
	"train/tensorboard":       {"graph", "train"},
	"infer":                   {"graph", "graph/memory", "graph/metric", "graph/raster", "graph/raster/decode", "graph/weights", "modelzoo/open"},
	"infer/robust":            {"graph", "graph/attack", "graph/bound", "graph/memory", "graph/metric", "graph/raster", "graph/raster/corrupt", "graph/weights", "infer"},
	"infer/serve/guard":       {}, // for other servers of ours too
	"infer/serve":             {"infer/serve/guard", "graph/memory", "graph/raster", "graph/raster/decode", "graph/regular", "graph/weights", "infer", "modelzoo/open"},
	"infer/serve/grpc":        {"infer/serve", "infer/serve/grpc/inference"}, // for clients too; nobody else links gRPC
	"cmd":                     {"*"},
	"notebooks":               {"*"},
}

const (
	module  = "tapenet/"
	kernels = "graph/internal/kernel"
)

func TestImports(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	seen := 0
	for _, p := range listPackages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		rule, ok := ruleOf(from)
		if !ok {
			t.Errorf("%s has no rule: list it in arrows", from)
			continue
		}
		seen++
		for _, imported := range p.Imports {
			to, ours := strings.CutPrefix(imported, module)
			if ours && !slices.Contains(rule, to) && !slices.Contains(rule, "*") {
				t.Errorf("%s imports %s, may import %v", from, to, rule)
			}
		}
	}
	if seen < 4 {
		t.Errorf("go list shows %d packages, want the whole module", seen)
	}
}

// TestImportsOfOtherModules: the packages below graph/internal depend on the
// standard library and golang.org/x/sys alone.
func TestImportsOfOtherModules(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	seen := 0
	for _, p := range listPackages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		if !strings.HasPrefix(from, "graph/internal/") {
			continue
		}
		seen++
		for _, imported := range p.Imports {
			if foreign(imported) && !strings.HasPrefix(imported, "golang.org/x/sys/") {
				t.Errorf("%s imports %s, want no module but golang.org/x/sys below graph/internal", from, imported)
			}
		}
	}
	if seen < 6 {
		t.Errorf("go list shows %d packages below graph/internal, want the kernel and its rooms", seen)
	}
}

// foreign reports whether a package is of another module: the first element of its
// path is a host name.
func foreign(pkg string) bool {
	host, _, _ := strings.Cut(pkg, "/")
	return strings.Contains(host, ".")
}

// TestPredictingLinksNoTrainer: neither the packages that predict nor their
// commands hold a line of training or of plotting, be it by way of another package.
func TestPredictingLinksNoTrainer(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	for _, from := range []string{"infer", "infer/robust", "infer/serve", "cmd/infer", "cmd/serve"} {
		cmd := exec.Command("go", "list", "-deps", module+from)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", cmd, err)
		}
		linked := strings.Fields(string(out))
		if !slices.Contains(linked, module+"infer") {
			t.Errorf("%s links %d packages, want tapenet/infer among them", from, len(linked))
		}
		for _, not := range []string{module + "train", module + "graph/update", "gonum.org/v1/plot"} {
			if slices.Contains(linked, not) {
				t.Errorf("%s links %s, want no training and no plotting in what predicts", from, not)
			}
		}
	}
}

// TestNobodyElseLinksGRPC: whoever serves over HTTP, or predicts, has no gRPC in the
// program, be it by way of another package.
func TestNobodyElseLinksGRPC(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	for from, want := range map[string]bool{"infer": false, "infer/serve": false, "infer/robust": false, "cmd/infer": false, "infer/serve/grpc": true} {
		cmd := exec.Command("go", "list", "-deps", module+from)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", cmd, err)
		}
		if got := slices.Contains(strings.Fields(string(out)), "google.golang.org/grpc"); got != want {
			t.Errorf("%s links google.golang.org/grpc: %t, want %t", from, got, want)
		}
	}
}

// TestTrainingLinksNoPlot: who trains has no plotting library of another module in the program, nor fonts.
func TestTrainingLinksNoPlot(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	cmd := exec.Command("go", "list", "-deps", module+"train")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	linked := strings.Fields(string(out))
	if !slices.Contains(linked, module+"train/chart") {
		t.Errorf("train links %d packages, want train/chart among them", len(linked))
	}
	for _, pkg := range linked {
		if strings.Contains(pkg, "/plot") || strings.Contains(pkg, "font") {
			t.Errorf("train links %s, want train/chart alone to draw", pkg)
		}
	}
}

func ruleOf(pkg string) (rule []string, ok bool) {
	for p := pkg; p != "."; p = path.Dir(p) {
		if rule, ok = arrows[p]; ok {
			return rule, true
		}
	}
	return nil, false
}

type goPackage struct {
	ImportPath string
	Imports    []string // without those of tests
}

// listPackages asks the go command for the packages of the module.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	var packages []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("%v: %v", cmd, err)
		}
		packages = append(packages, p)
	}
}
