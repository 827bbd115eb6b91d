package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
)

// nodeCases is where Debian's libonnx-testdata has ONNX's test cases.
const nodeCases = "/usr/share/libonnx-testdata/data"

// TestNodes runs ONNX's own cases, those that consist of supported operators
// alone. Each must pass, but for those that refused lists with the reason.
func TestNodes(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(nodeCases, "*", "test_*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(dirs) == 0 {
		t.Skip("ONNX's test cases, Debian's libonnx-testdata, are not installed")
	}
	passed, all := 0, 0
	var jobs []job
	for _, dir := range dirs {
		var p modelProto
		if !inScope(t, dir, &p) {
			continue
		}
		all++
		name := filepath.Base(dir)
		if ofConstants[name] {
			if err := foldCase(&p, dir); err != nil {
				t.Errorf("%s: %v", name, err)
			} else {
				passed++
			}
			continue
		}
		file, x, want, err := readCase(&p, dir)
		if err == nil {
			err = compareCase(file, x, want)
		}
		reason := refused[name]
		switch {
		case err == nil && reason == "":
			passed++
			if j, ok := again(t, name, file, x, want); ok {
				jobs = append(jobs, j)
			}
		case err == nil:
			t.Errorf("%s passes, but is listed as refused: %s", name, reason)
		case reason == "":
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Logf("%d of %d cases pass, %d of them are exported again", passed, all, len(jobs))
	var files []string
	for _, j := range jobs {
		files = append(files, j.Model)
	}
	t.Run("checked", func(t *testing.T) { checked(t, files...) })
	t.Run("run", func(t *testing.T) { runtimeAgrees(t, jobs) })
}

// again exports a case that has the batch first, which has to give the same once
// more.
func again(t *testing.T, name string, file []byte, x, want constant) (j job, ok bool) {
	t.Helper()
	m, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	w := &graph.Weights{}
	if _, err := (graph.Options{Loss: graph.MSE{}, Weights: w}).Build(m, graph.Infer, atLeastOne(x.shape)...); err != nil || len(x.shape) == 0 {
		return j, false // the batch has no dimension
	}
	b, err := Options{Logits: true}.Export(m, w.Map(), x.shape[1:]...)
	if err != nil { // it moves the batch, or needs one size
		if b, err = (Options{Logits: true, Batch: x.shape[0]}).Export(m, w.Map(), x.shape[1:]...); err != nil {
			if !strings.Contains(err.Error(), "want the batch first") {
				t.Errorf("%s: %v", name, err)
			}
			return j, false
		}
	}
	if err := compareCase(b, x, want); err != nil {
		t.Errorf("%s, exported again: %v", name, err)
	}
	return newJob(t, name, b, x.shape, x.numbers(), want.numbers()), true
}

// inScope reads a case, and reports whether all its operators are supported.
func inScope(t *testing.T, dir string, p *modelProto) bool {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "model.onnx"))
	if err != nil {
		return false // a case that is only an address
	}
	if err := unmarshal(b, p); err != nil || p.Graph == nil {
		t.Fatalf("%s: %v", dir, err)
	}
	return !slices.ContainsFunc(p.Graph.Nodes, func(n nodeProto) bool {
		_, ok := importRules[n.Op]
		return !ok || n.Domain != ""
	})
}

// readCase reads a case. Its first input is the network's, others are made
// weights; its first output is compared, others are left out.
func readCase(p *modelProto, dir string) (file []byte, x, want constant, err error) {
	data := filepath.Join(dir, "test_data_set_0")
	if len(p.Graph.Inputs) == 0 {
		return nil, x, want, errors.New("the case has no input")
	}
	p.Graph.Outputs = p.Graph.Outputs[:1]
	known := map[string]bool{}
	for _, w := range p.Graph.Initializers {
		known[w.Name] = true
	}
	inputs := slices.DeleteFunc(slices.Clone(p.Graph.Inputs), func(v valueProto) bool { return known[v.Name] })
	for i, in := range inputs {
		var t tensorProto
		c, err := readTensor(filepath.Join(data, fmt.Sprintf("input_%d.pb", i)), &t)
		if err != nil {
			return nil, x, want, err
		}
		if t.Name = in.Name; i == 0 {
			x = c
		} else {
			p.Graph.Initializers = append(p.Graph.Initializers, t)
		}
	}
	var y tensorProto
	want, err = readTensor(filepath.Join(data, "output_0.pb"), &y)
	return marshal(p), x, want, err
}

func readTensor(file string, t *tensorProto) (c constant, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return c, err
	}
	if err := unmarshal(b, t); err != nil {
		return c, err
	}
	return t.constant()
}

// compareCase runs a file, in which what follows the first input is weights.
func compareCase(file []byte, x, want constant) error {
	m, err := Load(file)
	if err != nil {
		return err
	}
	g, err := graph.Options{Loss: graph.MSE{}}.Build(m, graph.Infer, atLeastOne(x.shape)...)
	if err != nil {
		return err
	}
	copy(g.Input.Float32s(), x.numbers())
	if err := g.Run(); err != nil {
		return err
	}
	if got := g.OutputShape(); !slices.Equal(got, atLeastOne(want.shape)) {
		return fmt.Errorf("shape %v, want %v", got, want.shape)
	}
	if d, at := difference(g.Output().Float32s(), want.numbers()); !(d <= 1e-5) {
		return fmt.Errorf("value %d differs by %g", at, d)
	}
	return nil
}

// numbers are the elements as floats.
func (c constant) numbers() []float32 {
	v := make([]float32, c.size())
	for i := range v {
		v[i] = float32(c.number(i))
	}
	return v
}
