package jupyter

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// kernelForTest is the kernel that make kernel builds.
func kernelForTest(t *testing.T) string {
	t.Helper()
	bin, err := filepath.Abs("../../../bin/gophernotes")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(bin); err != nil {
		t.Skip("needs the kernel: make kernel")
	}
	if err := exec.Command("/usr/bin/jupyter", "nbconvert", "--version").Run(); err != nil {
		t.Skip("needs Debian's jupyter-nbconvert")
	}
	return bin
}

type output struct {
	Type  string   `json:"output_type"`
	Text  []string `json:"text"`   // of a stream
	Value string   `json:"evalue"` // of an error
}

type cell struct {
	Type     string         `json:"cell_type"`
	ID       string         `json:"id"`
	Metadata map[string]any `json:"metadata"`
	Source   string         `json:"source"`
	Count    *int           `json:"execution_count"`
	Outputs  []output       `json:"outputs"`
}

type notebook struct {
	Cells    []cell         `json:"cells"`
	Metadata map[string]any `json:"metadata"`
	Format   int            `json:"nbformat"`
	Minor    int            `json:"nbformat_minor"`
}

// execute runs cells of code and returns the outputs of each.
func execute(t *testing.T, r Runner, code ...string) ([][]output, error) {
	t.Helper()
	r.Kernel = kernelForTest(t)
	n := notebook{Metadata: map[string]any{}, Format: 4, Minor: 5}
	for i, c := range code {
		n.Cells = append(n.Cells, cell{Type: "code", ID: string(rune('a' + i)), Metadata: map[string]any{}, Source: c, Outputs: []output{}})
	}
	in, out := filepath.Join(t.TempDir(), "in.ipynb"), filepath.Join(t.TempDir(), "out.ipynb")
	text, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.Execute(t.Context(), in, out); err != nil {
		return nil, err
	}
	if text, err = os.ReadFile(out); err != nil {
		t.Fatal(err)
	}
	var executed struct{ Cells []struct{ Outputs []output } }
	if err := json.Unmarshal(text, &executed); err != nil {
		t.Fatal(err)
	}
	var outputs [][]output
	for _, c := range executed.Cells {
		outputs = append(outputs, c.Outputs)
	}
	return outputs, nil
}

const importAll = `import (
	"errors"
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
	"tapenet/graph"
	"tapenet/graph/graphtest"
	"tapenet/graph/op"
	"tapenet/infer"
	"tapenet/notebooks/cell"
)`

// badOp declares an op whose Do panics.
const badOp = `type badOp struct{}

func (badOp) Arity() int { return 1 }
func (badOp) Type() hm.Type { a := hm.TypeVariable('a'); return hm.NewFnType(a, a) }
func (badOp) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) { return in[0].(tensor.Shape), nil }
func (badOp) Do(in ...gorgonia.Value) (gorgonia.Value, error) { panic("out of range") }
func (badOp) SymDiff(in gorgonia.Nodes, y, dy *gorgonia.Node) (gorgonia.Nodes, error) { return gorgonia.Nodes{dy}, nil }
func (badOp) DiffWRT(inputs int) []bool { return []bool{true} }
func (badOp) ReturnsPtr() bool { return true }
func (badOp) OverwritesInput() int { return -1 }
func (badOp) CallsExtern() bool { return false }
func (badOp) String() string { return "bad" }
func (badOp) WriteHash(h hash.Hash) { fmt.Fprint(h, "bad") }
func (badOp) Hashcode() uint32 { return 7 }

func bad(x *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.ApplyOp(cell.Op(badOp{}), x) }`

// A wrong cell shows what is wrong, and the next cell runs.
func TestWrongCells(t *testing.T) {
	wrong := []struct{ code, message string }{
		{`_, err := graph.Build(graph.Conv2D{Filters: 8, Kernel: 5}, graph.Infer, 1, 1, 3, 3)
if err != nil { panic(err) }`, "kernel 5"},
		{`_, err := graph.Build(graph.Dense{Units: -1}, graph.Infer, 1, 4)
if err != nil { panic(err) }`, "dense"},
		{`_, err := infer.Load("runs/nowhere")
if err != nil { panic(err) }`, "runs/nowhere"},
		{`noSuchName()`, "undefined identifier: noSuchName"},
		{`graph.Conv2D{Filter: 8}`, "Filter"},
		{`var none []int
none[3]`, "index out of range"},
		// A layer of one's own that fails while the graph is built.
		{`bad := func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { panic("a bad layer") }
_, err := graph.Build(graph.LayerFunc(bad), graph.Infer, 1, 4)
if err != nil { panic(err) }`, "a bad layer"},
		// A function of one's own that fails on the TapeMachine's goroutine.
		{`odd := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	f := op.Function{Name: "odd", F: func(x float64) float64 { panic(errors.New("a bad op")) }, DF: func(x float64) float64 { return 1 }}
	return s.Unary(func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.Map(x, f) }, x)
})
m, err := graph.Build(odd, graph.Infer, 1, 4)
if err == nil { err = m.Run() }
if err != nil { panic(err) }`, "a bad op"},
		// An op of one's own that fails there, in a check, in a model and on a machine of its own.
		{badOp + `
panic(graphtest.Op{
	F: cell.Func(func(in gorgonia.Nodes) (*gorgonia.Node, error) { return bad(in[0]) }),
	In: []*tensor.Dense{graphtest.Random("x", 1, 4)},
}.Check())`, "op bad panicked: out of range"},
		{`own := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { return s.Unary(bad, x) })
m, err := graph.Build(own, graph.Infer, 1, 4)
if err == nil { err = m.Run() }
panic(err)`, "op bad panicked: out of range"},
		{`g := gorgonia.NewGraph()
_, err := bad(gorgonia.NodeFromAny(g, graphtest.Random("x", 1, 4)))
if err == nil { err = gorgonia.NewTapeMachine(g).RunAll() }
panic(err)`, "op bad panicked: out of range"},
	}
	code := []string{importAll}
	for _, w := range wrong {
		code = append(code, w.code, `fmt.Print("alive")`)
	}
	outputs, err := execute(t, Runner{KeepGoing: true}, code...)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range wrong {
		failed, next := outputs[1+2*i], outputs[2+2*i]
		if len(failed) != 1 || failed[0].Type != "error" || !strings.Contains(failed[0].Value, w.message) {
			t.Errorf("cell\n%s\nshows %+v, want an error with %q", w.code, failed, w.message)
		}
		if len(next) == 0 || strings.Join(next[0].Text, "") != "alive" {
			t.Errorf("after cell\n%s\nthe kernel says %+v, want alive", w.code, next)
		}
	}
}

func TestExecuteSaysWhatFailed(t *testing.T) {
	tests := []struct {
		name, code, message string
		limit               time.Duration
	}{
		{"a panic", `panic("seven")`, "seven", 0},
		{"an unknown name", `seven()`, "undefined identifier: seven", 0},
		{"an unknown package", `import "example.org/seven"`, "imports a package that the kernel does not have", 0},
		{"an endless loop", `for {}`, "after 3 seconds", 3 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := execute(t, Runner{Cell: test.limit}, test.code)
			if err == nil || !strings.Contains(err.Error(), test.message) {
				t.Errorf("got %v, want an error with %q", err, test.message)
			}
		})
	}
}

// Who gives up a notebook leaves no kernel behind.
func TestCancelEndsTheKernel(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "gophernotes") // a name that no other kernel has
	if err := os.Symlink(kernelForTest(t), bin); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	in := filepath.Join(t.TempDir(), "in.ipynb")
	if err := os.WriteFile(in, []byte(endless), 0o644); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- Runner{Kernel: bin}.Execute(ctx, in, in) }()
	for running(t, bin) == 0 {
		select {
		case err := <-done:
			t.Fatalf("ended before its kernel began: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	for range 100 {
		if running(t, bin) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("the kernel is left")
}

const endless = `{"cells": [{"cell_type": "code", "id": "a", "metadata": {}, "execution_count": null, "outputs": [], "source": "for {}"}],
	"metadata": {}, "nbformat": 4, "nbformat_minor": 5}`

// running is the number of processes of a program, by Linux's list of them.
func running(t *testing.T, bin string) (n int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if line, err := os.ReadFile(f); err == nil && strings.HasPrefix(string(line), bin+"\x00") {
			n++
		}
	}
	return n
}
