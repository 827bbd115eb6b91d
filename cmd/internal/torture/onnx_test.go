package torture

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/onnx"
)

// TestTortureONNX reads random files, and holds what they give against ONNX Runtime at the
// batch of the file and at another.
func TestTortureONNX(t *testing.T) {
	if err := exec.Command("node", "-e", "require('onnxruntime-node')").Run(); err != nil {
		t.Skipf("npm's onnxruntime-node is not installed, or NODE_PATH does not lead to it: %v", err)
	}
	runtime := newJudge(t, func() *exec.Cmd { return exec.Command("node", "testdata/onnx.js") })
	nodes := map[string]int{}
	Part{
		Name: "onnx", Failure: "a random ONNX file, with integer sub-graphs, of opsets 6 to 21",
		Guarantee: "ONNX Runtime's numbers at any batch, integers exactly, or an error that names the node",
		Short:     15, Full: 2000,
	}.Run(t, func(t *testing.T, number int) string {
		c := &onnxTrial{onnxGraph: newOnnxGraph(uint64(number)), runtime: runtime, counts: nodes}
		c.grow(t)
		return c.outcome()
	})
	t.Logf("nodes: %s", Text(nodes))
}

// onnxTrial is a file that grows under a judge's eyes.
type onnxTrial struct {
	*onnxGraph
	runtime *judge
	counts  map[string]int // what came of each node, over all trials
	wrong   bool
	refused string // what is refused first: the operator
	alone   string // what ONNX Runtime alone refuses
	another bool   // another batch than the file's is refused
}

func (c *onnxTrial) outcome() string {
	switch {
	case c.wrong:
		return "wrong"
	case c.refused != "":
		return "refused: " + c.refused
	case c.alone != "":
		return "refused by ONNX Runtime alone: " + c.alone
	case c.another:
		return "equal, another batch than the file's one refused"
	}
	return "equal"
}

// grow adds nodes until there are some, or one is wrong.
func (c *onnxTrial) grow(t *testing.T) {
	for size, tries := 3+c.IntN(10), 0; size > 0 && tries < 60 && !c.wrong; tries++ {
		v := c.values[len(c.values)-1]
		if c.yes(3) {
			v = c.values[c.IntN(len(c.values))]
		}
		if tries%4 == 0 && c.yes(2) { // integers grow on their own
			for _, o := range c.values {
				if o.shaped {
					v = o
				}
			}
		}
		nodes, inits, values := len(c.nodes), len(c.inits), len(c.values)
		ok, rounds := onnxMakers[c.IntN(len(onnxMakers))](c.onnxGraph, v)
		if ok && c.try(t, nodes, rounds) {
			size--
			continue
		}
		c.nodes, c.inits, c.values = c.nodes[:nodes], c.inits[:inits], c.values[:values]
	}
}

// onnxQuestion and onnxAnswer are what testdata/onnx.js takes and gives.
type onnxQuestion struct {
	Model  []byte      `json:"model"`
	Type   string      `json:"type"`
	Inputs []onnxInput `json:"inputs"`
}

type onnxInput struct {
	Shape []int  `json:"shape"`
	Data  []byte `json:"data"`
}

type onnxAnswer struct {
	Error string
	Runs  []onnxRun
}

type onnxRun struct {
	Error   string
	Outputs []onnxOutput
}

type onnxOutput struct {
	Name, Type string
	Shape      []int
	Data       []byte
}

// try runs the file with its new nodes, from the given one on. It reports whether they stay.
func (c *onnxTrial) try(t *testing.T, first int, rounds bool) bool {
	t.Helper()
	last := c.nodes[len(c.nodes)-1]
	file := c.file()
	q := onnxQuestion{Model: file, Type: c.elem.String()}
	own := len(c.x[0])
	for i, x := range c.x {
		if i == 0 || c.open {
			q.Inputs = append(q.Inputs, onnxInput{append([]int{c.batches[i]}, c.shape...), c.elem.raw(x)})
			continue
		}
		for at := 0; at < len(x); at += own { // a file for one batch, piece by piece
			q.Inputs = append(q.Inputs, onnxInput{append([]int{c.batches[0]}, c.shape...), c.elem.raw(x[at:][:own])})
		}
	}
	var a onnxAnswer
	if err := c.runtime.ask(q, &a); err != nil {
		c.counts["ended ONNX Runtime"]++
		return false
	}
	if a.Error == "" && a.Runs[0].Error != "" {
		a.Error = a.Runs[0].Error
	}
	if a.Error != "" {
		c.theirs(t, file, last, a.Error)
		return false
	}
	fresh, ok := c.taken(a, first, rounds)
	for i := range fresh {
		ok = c.compare(t, file, last, a, i, fresh[i].size) && ok
	}
	c.values = append(c.values, fresh...)
	return ok
}

// theirs is a file that ONNX Runtime refuses.
func (c *onnxTrial) theirs(t *testing.T, file []byte, last onnxNode, reason string) {
	t.Helper()
	_, _, err := ours(file, last.outputs[0], c.batches[0], c.shape, c.x[0])
	switch {
	case err != nil:
		c.counts["both refuse"]++
		c.named(t, err)
	default:
		kind := last.kind
		switch {
		case strings.Contains(reason, "No Op registered"):
			kind = "the operator is of a later opset"
		case strings.Contains(reason, "Could not find an implementation"):
			kind = "it has no code for the type"
		case strings.Contains(reason, "Type Error"), strings.Contains(reason, "type_str"):
			kind = "the type is not the operator's"
		}
		c.counts["refused by ONNX Runtime alone: "+kind]++
		c.alone = cmp.Or(c.alone, kind)
		if os.Getenv(Trial) != "" {
			t.Logf("ONNX Runtime: %.300s\n%v", reason, c)
		}
	}
}

// named holds that an error names a node with its operator, or the output that is no batch
// of samples.
func (c *onnxTrial) named(t *testing.T, err error) {
	t.Helper()
	text := err.Error()
	for _, n := range c.nodes {
		named := slices.ContainsFunc(n.outputs, func(name string) bool { return strings.Contains(text, strconv.Quote(name)) })
		if named && strings.Contains(text, n.kind) {
			return
		}
	}
	if strings.Contains(text, "of the output") {
		return
	}
	c.wrong = true
	t.Errorf("error %q, want one that names the node\n%v", text, c)
}

// taken are the values of a node that ONNX Runtime runs; they are left out again if they
// are of no use for more nodes, as too large ones.
func (c *onnxTrial) taken(a onnxAnswer, first int, rounds bool) (fresh []onnxValue, ok bool) {
	exact, shaped, deep, size := !rounds, true, 0, 0.0
	for _, n := range c.nodes[first:] {
		for _, in := range n.inputs {
			for _, v := range c.values {
				if v.name == in {
					exact, deep = exact && (v.exact || n.kind == "Shape" || n.kind == "Size"), max(deep, v.deep)
					size = max(size, v.size)
					shaped = shaped && (v.shaped || n.kind == "Shape" || n.kind == "Size")
				}
			}
		}
	}
	for i, out := range a.Runs[0].Outputs {
		v := onnxValue{name: out.Name, elem: onnxTypes[out.Type], exact: exact, shaped: shaped, deep: deep + 1}
		for k := range c.batches {
			run := a.Runs[0]
			if c.open && len(a.Runs) > k && a.Runs[k].Error == "" {
				run = a.Runs[k]
			}
			o := run.Outputs[i]
			v.shapes, v.numbers = append(v.shapes, o.Shape), append(v.numbers, v.elem.numbers(o.Data))
		}
		_, v.size, _ = v.limits()
		v.size = max(v.size, size/50)
		if v.exact = v.exact && v.integral(); v.elem == 0 {
			return nil, false
		}
		fresh = append(fresh, v)
	}
	ok = true
	for _, v := range fresh {
		n := volume(v.shape())
		ok = ok && n > 0 && n <= 1<<13 && v.dims() < 6 && len(v.shapes[0]) == len(v.shapes[1])
	}
	return fresh, ok
}

// compare holds an output of the last node against ours, at both batches. It reports whether
// there is one of ours.
func (c *onnxTrial) compare(t *testing.T, file []byte, last onnxNode, a onnxAnswer, i int, size float64) (there bool) {
	t.Helper()
	for b := range c.batches {
		runs := a.Runs[:1]
		if b > 0 {
			runs = a.Runs[1:]
		}
		shape, got, err := ours(file, a.Runs[0].Outputs[i].Name, c.batches[b], c.shape, c.x[b])
		failed := slices.ContainsFunc(runs, func(r onnxRun) bool { return r.Error != "" })
		what := []string{"own batch", "another batch"}[b]
		switch {
		case failed && err != nil:
			c.counts["both refuse another batch"]++
			continue
		case failed:
			c.counts["another batch refused by ONNX Runtime alone"]++
			c.alone = cmp.Or(c.alone, "another batch")
			continue
		case err != nil && b > 0 && !c.open:
			c.named(t, err)
			c.counts["refused: another batch than the file's one"]++
			c.another = true
			continue
		case err != nil:
			if volume(a.Runs[0].Outputs[i].Shape) == 0 {
				err = errEmpty
			}
			c.refuse(t, err, last)
			return false
		}
		elem := onnxTypes[runs[0].Outputs[i].Type]
		wantShape, want := runs[0].Outputs[i].Shape, elem.numbers(runs[0].Outputs[i].Data)
		apart := func(r onnxRun) bool { return !slices.Equal(r.Outputs[i].Data, runs[0].Outputs[i].Data) }
		if b > 0 && !c.open && (!slices.Equal(shape, atLeastOne(wantShape)) || slices.ContainsFunc(runs, apart)) { // the pieces behind each other
			wantShape = slices.Clone(atLeastOne(wantShape))
			wantShape[0] *= len(runs)
			for _, r := range runs[1:] {
				want = append(want, elem.numbers(r.Outputs[i].Data)...)
			}
		}
		size := max(size, largest(slices.DeleteFunc(slices.Clone(want), func(v float64) bool { return v-v != 0 })))
		if why := differ(shape, got, atLeastOne(wantShape), want, elem, size); why != "" {
			if why == errWide.Error() {
				c.refuse(t, errWide, last)
				return false
			}
			c.wrong = true
			t.Errorf("%s, %v of %s: %s\n%v", what, runs[0].Outputs[i].Name, elem, why, c)
			return false
		}
		c.counts["equal"]++
	}
	return true
}

var (
	errWide  = errors.New("an integer that float32 does not hold")
	errEmpty = errors.New("a tensor without elements")
)

// refuse is a file that ONNX Runtime takes and we do not.
func (c *onnxTrial) refuse(t *testing.T, err error, last onnxNode) {
	t.Helper()
	kind := last.kind
	switch text := err.Error(); {
	case errors.Is(err, errWide):
		kind = "an integer beyond 2^24"
	case errors.Is(err, errEmpty):
		kind = "a tensor without elements"
	case strings.Contains(text, "computed of"), strings.Contains(text, "is computed"), strings.Contains(text, "are computed"):
		kind = "a shape or an index that is computed of weights or samples"
	default:
		c.named(t, err)
	}
	c.counts["refused: "+kind]++
	c.refused = cmp.Or(c.refused, kind)
	if os.Getenv(Trial) != "" {
		t.Logf("refused: %v\n%v", err, c)
	}
}

// ours runs a file by the product.
func ours(file []byte, output string, batch int, sample []int, x []float64) (shape []int, y []float64, err error) {
	m, err := onnx.Load(file)
	if err != nil {
		return nil, nil, err
	}
	if m, err = m.With(output); err != nil {
		return nil, nil, err
	}
	g, err := graph.Options{Loss: graph.MSE{}}.Build(m, graph.Infer, append([]int{batch}, sample...)...)
	if err != nil {
		return nil, nil, err
	}
	for i, v := range x {
		g.Input.Float32s()[i] = float32(v)
	}
	if err := g.Run(); err != nil {
		return nil, nil, err
	}
	return g.OutputShape(), doubles(g.Output().Float32s()), nil
}

// atLeastOne is a shape as our outputs have it: a number is a batch of one.
func atLeastOne(shape []int) []int {
	if len(shape) == 0 {
		return []int{1}
	}
	return shape
}

// differ says how an output differs by more than a share of size, "" if it does not.
func differ(shape []int, got []float64, wantShape []int, want []float64, elem onnxType, size float64) string {
	if !slices.Equal(shape, wantShape) {
		return fmt.Sprintf("shape %v, want %v", shape, wantShape)
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d numbers, want %d", len(got), len(want))
	}
	for i := range got {
		if !elem.float() && got[i] != got[i] && math.Abs(want[i]) > 1<<24 {
			return errWide.Error()
		}
		if got[i] == want[i] || got[i] != got[i] && want[i] != want[i] {
			continue
		}
		bound := 0.0
		if elem.float() {
			bound = 1e-5 * size
		}
		if got[i] == math.Inf(1) && want[i] == math.MaxFloat32 || got[i] == math.Inf(-1) && want[i] == -math.MaxFloat32 {
			continue // the largest of nothing
		}
		if math.IsInf(want[i], 0) || !(math.Abs(got[i]-want[i]) <= bound) {
			return fmt.Sprintf("number %d of %v is %.9g, want %.9g; the largest is %.3g", i, shape, got[i], want[i], size)
		}
	}
	return ""
}
