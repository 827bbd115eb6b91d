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
	"graph/internal/kernel":     {},
	"graph/internal/kernel/gen": {"graph/internal/kernel/gen/asm"}, // commands of their own, nothing imports them
	"graph/op":                  {"graph/internal/kernel"},
	"graph/update":              {"graph/internal/kernel"},
	"graph":                     {"graph/op"},
	"graph/draw":                {"graph"},
	"graph/gosource":            {"graph", "graph/op", "graph/raster"},
	"graph/tfjs":                {"graph", "graph/op", "graph/weights"},
	"graph/metric":              {},
	"graph/onnx":                {"graph", "graph/op"},
	"graph/graphtest":           {"graph", "graph/op", "graph/weights"},
	"graph/raster":              {},
	"graph/weights":             {},
	"modelzoo":                  {"graph", "graph/op"},
	"train":                     {"graph", "graph/op", "graph/update", "graph/weights", "train/data"},
	"train/data":                {"graph/raster"},
	"train/report":              {"graph", "graph/metric", "graph/weights", "train", "train/data"},
	"train/tensorboard":         {"graph", "train"},
	"infer":                     {"graph", "graph/raster", "graph/weights", "modelzoo"},
	"infer/serve":               {"infer"},
	"cmd":                       {"*"},
	"notebooks":                 {"*"},
}

const module = "tapenet/"

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

// TestPredictingLinksNoTrainer: neither the packages that predict nor their
// commands hold a line of training, be it by way of another package.
func TestPredictingLinksNoTrainer(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	for _, from := range []string{"infer", "infer/serve", "cmd/infer", "cmd/serve"} {
		cmd := exec.Command("go", "list", "-deps", module+from)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", cmd, err)
		}
		linked := strings.Fields(string(out))
		if !slices.Contains(linked, module+"infer") {
			t.Errorf("%s links %d packages, want tapenet/infer among them", from, len(linked))
		}
		for _, not := range []string{"train", "graph/update"} {
			if slices.Contains(linked, module+not) {
				t.Errorf("%s links %s, want no training in what predicts", from, not)
			}
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
