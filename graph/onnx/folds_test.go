package onnx

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
)

// TestFolds runs ONNX's own cases of the operators that are computed of constants,
// with constants for all inputs. Each must pass, but for those of types that no
// constant has.
func TestFolds(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(nodeCases, "*", "test_*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(dirs) == 0 {
		t.Skip("ONNX's test cases, Debian's libonnx-testdata, are not installed")
	}
	refused := map[string]string{}
	for reason, names := range map[string]string{
		"elements of type": `
			cast_STRING_to_FLOAT castlike_FLOAT_to_STRING_expanded castlike_STRING_to_FLOAT_expanded
			cast_FLOAT_to_STRING`,
		`tensor ""`: `identity_opt identity_sequence`,
		// Their operators have a π of fewer digits than their answers.
		"want [-1.49": `blackmanwindow_expanded blackmanwindow_symmetric_expanded`,
		"want [0.086": `hammingwindow_expanded hammingwindow_symmetric_expanded`,
		"want [0 0.":  `hannwindow_expanded hannwindow_symmetric_expanded`,
		// Their bfloat16 are declared to be uint16, which is another number.
		"want [0.47":  `cast_BFLOAT16_to_FLOAT castlike_BFLOAT16_to_FLOAT_expanded`,
		"want [16117": `cast_FLOAT_to_BFLOAT16 castlike_FLOAT_to_BFLOAT16_expanded`,
	} {
		for _, name := range strings.Fields(names) {
			refused["test_"+name] = reason
		}
	}
	ran, passed := 0, 0
	for _, dir := range dirs {
		var p modelProto
		if !inScope(t, dir, &p) || slices.ContainsFunc(p.Graph.Nodes, func(n nodeProto) bool { return importRules[n.Op].fold == nil }) {
			continue
		}
		ran++
		name := filepath.Base(dir)
		err := foldCase(&p, dir)
		switch reason := refused[name]; {
		case err == nil && reason == "":
			passed++
		case err == nil:
			t.Errorf("%s passes, but is listed as refused: %s", name, reason)
		case reason == "" || !strings.Contains(err.Error(), reason):
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Logf("%d of %d cases pass", passed, ran)
	if passed < 80 {
		t.Errorf("%d of %d cases pass, want 80 or more", passed, ran)
	}
}

// foldCase computes a case whose inputs are constants.
func foldCase(p *modelProto, dir string) error {
	data := filepath.Join(dir, "test_data_set_0")
	values := map[string]*value{}
	for _, t := range p.Graph.Initializers {
		c, err := t.constant()
		if err != nil {
			return err
		}
		values[t.Name] = &value{constant: c, name: t.Name}
	}
	inputs := slices.DeleteFunc(slices.Clone(p.Graph.Inputs), func(v valueProto) bool { return values[v.Name] != nil })
	for i, in := range inputs {
		var t tensorProto
		c, err := readTensor(filepath.Join(data, fmt.Sprintf("input_%d.pb", i)), &t)
		if err != nil {
			return err
		}
		values[in.Name] = &value{constant: c, name: in.Name}
	}
	var y tensorProto
	want, err := readTensor(filepath.Join(data, "output_0.pb"), &y)
	if err != nil {
		return err
	}
	got, err := folded(p, values)
	if err != nil {
		return err
	}
	if !slices.Equal(got.shape, want.shape) || !slices.Equal(got.ints, want.ints) {
		return fmt.Errorf("got %v of shape %v, want %v of %v", got.ints, got.shape, want.ints, want.shape)
	}
	if d, at := difference(got.floats, want.floats); !(d <= 1e-6) {
		return fmt.Errorf("value %d is %v, want %v", at, got.floats, want.floats)
	}
	return nil
}

// folded computes all nodes of a file, and returns its output.
func folded(p *modelProto, values map[string]*value) (c constant, err error) {
	m := &Model{}
	for _, o := range p.Opsets {
		if o.Domain == "" {
			m.opset = int(o.Version)
		}
	}
	layer := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		b := &builder{Model: m, s: s, batch: 1, budget: maxIndices, values: values, numbers: map[float64]*gorgonia.Node{}, taken: map[string]bool{}}
		for i := range p.Graph.Nodes {
			if !b.add(&p.Graph.Nodes[i]) {
				return nil
			}
		}
		c = values[p.Graph.Outputs[0].Name].constant
		return x
	})
	if _, err := graph.Build(layer, graph.Infer, 1, 1); err != nil {
		return c, err
	}
	if c.ints == nil && c.floats == nil {
		return c, errors.New("the output is no constant")
	}
	return c, nil
}

// TestFoldErrors: what cannot be computed is an error that names the node, and a
// small file that asks for much is refused before it gets it.
func TestFoldErrors(t *testing.T) {
	scalar := func(v int64) constant { return constant{ints: []int64{v}} }
	list := func(v ...int64) constant { return constant{shape: []int{len(v)}, ints: v} }
	number := func(v float32) constant { return constant{floats: []float32{v}} }
	tests := []struct {
		op   string
		in   []constant
		want string
	}{
		{"Div", []constant{list(1, 2), scalar(0)}, "a division by zero"},
		{"Mod", []constant{list(1, 2), list(1, 0)}, "a division by zero"},
		{"Add", []constant{list(1, 2), list(1, 2, 3)}, "operands of (2) and (3) do not go together"},
		{"Where", []constant{number(1), scalar(1), scalar(2)}, "a condition that is not truth"},
		{"Where", []constant{list(1, 0), list(1, 2, 3), scalar(2)}, "operands of (2) and (3) do not go together"},
		{"Range", []constant{scalar(0), scalar(1 << 40), scalar(1)}, "a range from 0 to 1.099511627776e+12 by 1, want at most 8388608 numbers"},
		{"Range", []constant{scalar(0), scalar(3), scalar(0)}, "a range from 0 to 3 by 0"},
		{"Range", []constant{list(0, 1), scalar(3), scalar(1)}, "a range that is computed, or not of three numbers"},
		{"ConstantOfShape", []constant{list(1<<12, 1<<12)}, "a constant of shape [4096 4096], want at most 8388608 elements"},
		{"Expand", []constant{list(1), list(1<<24, 1)}, "a constant of shape [16777216 1], want"},
		{"Expand", []constant{list(1, 2), list(3)}, "operands of (2) and (3) do not go together"},
		{"Concat", []constant{list(1, 2), number(3)}, "parts [2] and [] do not go together"},
		{"Concat", []constant{scalar(1), scalar(2)}, "axis 0 of 0 dimensions"},
		{"Gather", []constant{list(1, 2), list(2)}, "axis 2 of 2 dimensions"},
		{"ScatterND", []constant{list(1, 2), list(0), list(1, 2)}, "indices [1] and updates [2] of data [2]"},
		{"ScatterND", []constant{list(1, 2), {shape: []int{1, 1}, ints: []int64{5}}, list(1)}, "axis 5 of 2 dimensions"},
		{"Reshape", []constant{list(1, 2), list(3)}, "(2) to [3]"},
	}
	for _, tt := range tests {
		t.Run(tt.op, func(t *testing.T) {
			n, values := nodeProto{Op: tt.op, Outputs: []string{"y"}}, map[string]*value{}
			for i, c := range tt.in {
				name := string(rune('a' + i))
				n.Inputs, values[name] = append(n.Inputs, name), &value{constant: c, name: name}
			}
			p := modelProto{Opsets: []opsetProto{{Version: 13}}, Graph: &graphProto{Nodes: []nodeProto{n}, Outputs: []valueProto{{Name: "y"}}}}
			c, err := folded(&p, values)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), `node of "y" (`+tt.op) {
				t.Errorf("got %v and error %v, want %s", c, err, tt.want)
			}
		})
	}
}

// TestFoldBudget: what many nodes ask for together is bounded too.
func TestFoldBudget(t *testing.T) {
	p := modelProto{Opsets: []opsetProto{{Version: 13}}, Graph: &graphProto{Outputs: []valueProto{{Name: "y9"}}}}
	for i := range 10 {
		p.Graph.Nodes = append(p.Graph.Nodes, nodeProto{Op: "ConstantOfShape", Inputs: []string{"s"}, Outputs: []string{fmt.Sprintf("y%d", i)}})
	}
	s := constant{shape: []int{1}, ints: []int64{1 << 20}}
	_, err := folded(&p, map[string]*value{"s": {constant: s}})
	if want := `node of "y8" (ConstantOfShape): more than 8388608 elements`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}
