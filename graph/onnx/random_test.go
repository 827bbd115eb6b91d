package onnx

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	randomGraphs = flag.Int("random.graphs", 60, "how many graphs TestRandom makes")
	randomSeed   = flag.Uint64("random.seed", 1, "the seed of the first of them")
)

// TestRandom: random graphs give what ONNX Runtime makes of them, at the batch of their
// file and at another one, or are refused for a reason. Many of them:
//
//	go test ./graph/onnx -run TestRandom -v -random.graphs 2000 -random.seed 1
func TestRandom(t *testing.T) {
	needRuntime(t)
	counts, reasons := map[string]int{}, map[string]int{}
	for first := 0; first < *randomGraphs; first += randomBatch {
		var all []*randomRun
		for i := first; i < min(first+randomBatch, *randomGraphs); i++ {
			g := newRandomGraph(*randomSeed + uint64(i))
			all = append(all, newRandomRun(g, *randomSeed+uint64(i), g.values[len(g.values)-1]))
		}
		answerAll(t, all)
		for _, r := range all {
			for i, v := range r.verdicts() {
				counts[v.kind]++
				if v.reason != "" {
					reasons[fmt.Sprintf("%s at %s batch: %s", v.kind, []string{"the file's", "another"}[i], v.reason)]++
				}
				if v.kind == wrong {
					t.Errorf("seed %d, %s\n%s", r.seed, v.text, smallest(t, r))
				}
			}
		}
	}
	t.Logf("%d graphs, each at two batches: %v", *randomGraphs, counts)
	for _, reason := range slices.SortedFunc(maps.Keys(reasons), func(a, b string) int { return reasons[b] - reasons[a] }) {
		t.Logf("%5d %s", reasons[reason], reason)
	}
	if equals := counts[equal]; equals < *randomGraphs {
		t.Errorf("%d results of %d graphs are compared, want one of each or more", equals, *randomGraphs)
	}
}

// randomBatch is how many graphs one process of ONNX Runtime runs.
const randomBatch = 100

// How a run of a graph ends.
const (
	equal     = "equal"
	refusedBy = "refused by us"
	theirs    = "refused by ONNX Runtime"
	wrong     = "wrong"
)

type verdict struct{ kind, reason, text string }

// randomRun is a value of a random graph as the output of a file, with inputs of the
// file's batch and of another.
type randomRun struct {
	g      *randomGraph
	seed   uint64
	output randomValue
	file   []byte
	other  int         // the other batch
	inputs [][]float32 // of the file's batch, which the first has, and of the other: in one piece, or in pieces of the file's batch
	shapes [][]int
	got    []answer
}

// answer is what ONNX Runtime gave.
type answer struct {
	Job, Run    int
	Type, Error string
	Shape       []int
	numbers     []float64
}

func newRandomRun(g *randomGraph, seed uint64, output randomValue) *randomRun {
	r := &randomRun{g: g, seed: seed, output: output, file: marshal(g.file(output.name)), other: g.batch + 1}
	pieces := []int{g.batch, r.other}
	if !g.open {
		r.other = 3 * g.batch
		pieces = []int{g.batch, g.batch, g.batch, g.batch}
		if g.batch > 1 && seed%2 == 0 { // the first of a batch alone
			r.other, pieces = 1, []int{g.batch, g.batch}
		}
	}
	for i, n := range pieces {
		shape := append([]int{n}, g.input.shape[1:]...)
		r.shapes, r.inputs = append(r.shapes, shape), append(r.inputs, r.numbers(i, product(shape)))
	}
	r.got = make([]answer, len(pieces))
	for i := range r.got {
		r.got[i].Error = "it ended the process"
	}
	return r
}

// numbers are an input's, of its type.
func (r *randomRun) numbers(i, n int) []float32 {
	rng := newRandomNumbers(r.seed, i)
	v := make([]float32, n)
	for i := range v {
		switch e := kinds[r.g.input.elem]; {
		case r.g.input.elem == typeBool:
			v[i] = float32(rng.IntN(2))
		case e.float:
			v[i] = float32(rng.IntN(65)-32) / 8
		case e.signed:
			v[i] = float32(rng.IntN(19) - 9)
		default:
			v[i] = float32(rng.IntN(10))
		}
	}
	return v
}

// runtimeNames are ONNX Runtime's names of types.
var runtimeNames = map[int64]string{
	typeFloat: "float32", typeDouble: "float64", typeHalf: "float16", typeUint8: "uint8", typeInt8: "int8", typeUint16: "uint16",
	typeInt16: "int16", typeInt32: "int32", typeInt64: "int64", typeBool: "bool", typeUint32: "uint32", typeUint64: "uint64",
}

// answerAll has ONNX Runtime run all inputs. A graph that ends its process is left out
// of the next one.
func answerAll(t *testing.T, all []*randomRun) {
	t.Helper()
	type runJob struct {
		Type   string `json:"type"`
		Shape  []int  `json:"shape"`
		Input  string `json:"input"`
		Output string `json:"output"`
	}
	type fileJob struct {
		Model string   `json:"model"`
		Runs  []runJob `json:"runs"`
	}
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for len(all) > 0 {
		var jobs []fileJob
		for i, r := range all {
			j := fileJob{Model: write(fmt.Sprintf("%d.onnx", i), r.file)}
			for k, x := range r.inputs {
				wide := make([]float64, len(x))
				for i, v := range x {
					wide[i] = float64(v)
				}
				j.Runs = append(j.Runs, runJob{runtimeNames[r.g.input.elem], r.shapes[k],
					write(fmt.Sprintf("%d.%d.x", i, k), rawOf(r.g.input.elem, wide)), filepath.Join(dir, fmt.Sprintf("%d.%d.y", i, k))})
			}
			jobs = append(jobs, j)
		}
		list, err := json.Marshal(jobs)
		if err != nil {
			t.Fatal(err)
		}
		answers := write("answers", nil)
		out, runErr := exec.Command("node", "testdata/random.js", write("jobs", list), answers).CombinedOutput()
		last := readAnswers(t, all, answers, func(a answer) string { return jobs[a.Job].Runs[a.Run].Output })
		if runErr == nil {
			return
		}
		t.Logf("ONNX Runtime ended in seed %d: %v %.200s", all[min(last, len(all)-1)].seed, runErr, out)
		all = all[min(last+1, len(all)):]
	}
}

// readAnswers reads what ONNX Runtime has answered, and returns the last graph that it
// began.
func readAnswers(t *testing.T, all []*randomRun, path string, file func(a answer) string) (last int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var a answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		if a.Error == "" {
			data, err := os.ReadFile(file(a))
			if err != nil {
				t.Fatal(err)
			}
			a.numbers = numbersOfRaw(a.Type, data)
		}
		all[a.Job].got[a.Run] = a
		if last = a.Job; a.Run == len(all[a.Job].inputs)-1 {
			last++
		}
	}
	return last
}

// numbersOfRaw are the numbers of an output.
func numbersOfRaw(kind string, data []byte) []float64 {
	for elem, name := range runtimeNames {
		if name == kind {
			c, err := (&tensorProto{Type: elem, Dims: []int64{int64(len(data) / kinds[elem].size)}, Raw: data}).constant()
			if err != nil {
				return nil
			}
			v := make([]float64, c.size())
			for i := range v {
				v[i] = c.number(i)
			}
			return v
		}
	}
	return nil
}

// verdicts are those of the file's batch and of the other one.
func (r *randomRun) verdicts() []verdict {
	own := r.verdict("its own batch", r.shapes[0], r.inputs[0], r.got[:1], false)
	shape := append([]int{r.other}, r.shapes[0][1:]...)
	if !r.g.open && r.other == 1 {
		return []verdict{own, r.verdict("one of a batch", shape, r.inputs[1][:product(shape)], []answer{firstOf(r.got[1], r.g.batch)}, false)}
	}
	return []verdict{own, r.verdict("another batch", shape, slices.Concat(r.inputs[1:]...), r.got[1:], !r.g.open)}
}

func (r *randomRun) verdict(what string, shape []int, x []float32, want []answer, pieces bool) (v verdict) {
	for _, a := range want {
		if a.Error != "" {
			return verdict{kind: theirs, reason: blank(a.Error)}
		}
	}
	to, got, err := ran(r.file, shape, x)
	if err != nil {
		if pieces && strings.Contains(err.Error(), "mixes the samples") {
			return verdict{kind: refusedBy, reason: "samples are mixed"}
		}
		return verdict{kind: refusedBy, reason: blank(err.Error())}
	}
	wide := make([]float64, len(got))
	for i, v := range got {
		wide[i] = float64(v)
	}
	wantShape, numbers := together(want, to, pieces)
	whole := want[0].Type[0] != 'f'
	for i, v := range wide {
		if whole && v != v {
			return verdict{kind: refusedBy, reason: fmt.Sprintf("an integer that float32 does not hold, %g", numbers[min(i, len(numbers)-1)])}
		}
	}
	if !slices.Equal(to, atLeastOne(wantShape)) {
		return verdict{kind: wrong, text: fmt.Sprintf("%s %v: shape %v, want %v", what, shape, to, wantShape)}
	}
	bound := 1e-5
	if whole {
		bound = 0
	}
	if d, at := differenceOf(wide, numbers); !(d <= bound) {
		return verdict{kind: wrong, text: fmt.Sprintf("%s %v: value %d of %v %s is %g, want %g: %.2g of the largest", what, shape, at, to, want[0].Type, wide[at], numbers[at], d)}
	}
	return verdict{kind: equal}
}

// firstOf is the answer for the first sample of a batch.
func firstOf(a answer, batch int) answer {
	if a.Error == "" && len(a.Shape) > 0 && a.Shape[0]%batch == 0 {
		a.Shape = slices.Clone(a.Shape)
		a.Shape[0] /= batch
		a.numbers = a.numbers[:len(a.numbers)/batch]
	}
	return a
}

// together are answers of pieces of a batch as one: the pieces after one another, or one
// of them if the result does not depend on samples.
func together(all []answer, to []int, pieces bool) (shape []int, numbers []float64) {
	shape, numbers = all[0].Shape, all[0].numbers
	if !pieces || slices.Equal(to, atLeastOne(shape)) && !slices.ContainsFunc(all, func(a answer) bool { return !slices.Equal(a.numbers, numbers) }) {
		return shape, numbers
	}
	shape, numbers = slices.Clone(atLeastOne(shape)), nil
	shape[0] *= len(all)
	for _, a := range all {
		numbers = append(numbers, a.numbers...)
	}
	return shape, numbers
}

// differenceOf is difference, of doubles.
func differenceOf(got, want []float64) (largest float64, at int) {
	if len(got) != len(want) {
		return float64(len(got) + len(want)), 0
	}
	scale := 1.0
	for _, v := range want {
		if a := max(v, -v); a > scale && a < 1e38 {
			scale = a
		}
	}
	for i := range got {
		if got[i] == want[i] || got[i] != got[i] && want[i] != want[i] {
			continue
		}
		d := max(got[i]-want[i], want[i]-got[i]) / scale
		if d != d { // one of them is no number
			d = 1e38
		}
		if d > largest {
			largest, at = d, i
		}
	}
	return largest, at
}

var (
	named    = regexp.MustCompile(`"[^"]*"|'[^']*'|v[0-9]+|\[[^\]]*\]|\([0-9, ]*\)|-?[0-9.]+(e[+-]?[0-9]+)?`)
	leading  = regexp.MustCompile(`^.*?(Non-zero status code[^:]*|node of _ )`)
	boundary = regexp.MustCompile(`[\n].*`)
)

// blank is an error without its names and numbers.
func blank(text string) string {
	text = boundary.ReplaceAllString(text, "")
	text = named.ReplaceAllString(text, "_")
	text = leading.ReplaceAllString(text, "$1")
	return text[:min(len(text), 160)]
}
