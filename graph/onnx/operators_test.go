package onnx

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tapenet/graph"
)

// attributeNames are those that rules read.
var attributeNames = strings.Fields(`activation_alpha activation_beta activations allowzero alpha antialias approximate auto_pad axes axis beta bias blocksize
	ceil_mode clip coordinate_transformation_mode count_include_pad cubic_coeff_a detect_negative detect_positive dilations direction end ends epsilon
	equation exclude_outside exclusive extrapolation_value fmod gamma group hidden_size input_forget k keep_aspect_ratio_policy keepdims kernel_shape
	lambd largest layout linear_before_reset max min mode momentum nearest_mode noop_with_empty_axes num_groups num_outputs output_padding output_shape p
	pads perm ratio reduction reverse scale scales select_last_index shape size sorted spatial split start starts storage_order strides to training_mode
	transA transB upper value value_float value_floats value_int value_ints width_scale height_scale`)

// anything makes nodes with attributes and operands of any kind, most of them near what
// operators take.
type anything struct{ *rand.Rand }

func oneOf[T any](a anything, of ...T) T { return of[a.IntN(len(of))] }

func (a anything) number() int64 {
	return oneOf[int64](a, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 8, -1, -1, -2, -3, 100, math.MaxInt32, 1<<31, 1<<40, math.MaxInt64, math.MinInt64)
}

func (a anything) numbers() (v []int64) {
	for range a.IntN(7) {
		v = append(v, a.number())
	}
	return v
}

func (a anything) shape() (s []int64) {
	for range a.IntN(6) {
		s = append(s, oneOf[int64](a, 1, 1, 2, 2, 3, 4, 5, 0))
	}
	return s
}

func (a anything) tensor(name string) tensorProto {
	t := tensorProto{Name: name, Dims: a.shape()}
	size, _ := t.size()
	switch t.Type = oneOf[int64](a, typeFloat, typeFloat, typeFloat, typeInt64, typeInt64, typeInt32, typeBool); t.Type {
	case typeFloat:
		for range size {
			t.Floats = append(t.Floats, oneOf[float32](a, 0, 1, -1, 0.5, 2, 3, 1e-3, float32(math.NaN()), float32(math.Inf(1)), 1e30))
		}
	case typeInt64:
		for range size {
			t.Int64s = append(t.Int64s, a.number())
		}
	default:
		for range size {
			t.Int32s = append(t.Int32s, oneOf[int64](a, 0, 1, 2, 3, -1))
		}
	}
	return t
}

func (a anything) attribute() attributeProto {
	t := a.tensor("")
	at := attributeProto{Name: oneOf(a, attributeNames...), Int: a.number(), Float: oneOf[float32](a, 0, 1, 0.5, -1, 2, 1e-5, float32(math.NaN())), Ints: a.numbers(), Tensor: &t,
		String: oneOf(a, "", "constant", "reflect", "edge", "wrap", "linear", "nearest", "cubic", "SAME_UPPER", "VALID", "forward", "reverse", "bidirectional", "half_pixel", "align_corners",
			"floor", "add", "mul", "none", "tanh", "ij,jk->ik", "ii->i", "...i,i->...", "bij,bjk", "->", "a->aa"),
		Type: oneOf[int64](a, attrInt, attrInts, attrFloat, attrString, attrTensor)}
	for range a.IntN(4) {
		at.Floats = append(at.Floats, oneOf[float32](a, 0, 1, 0.5, 2, -1, 1e9))
		at.Strings = append(at.Strings, oneOf(a, "Tanh", "Sigmoid", "Relu", "x", ""))
	}
	return at
}

// file is one node of an operator.
func (a anything) file(kind, domain string) (*modelProto, []int) {
	n := nodeProto{Name: "n", Op: kind, Domain: domain, Outputs: []string{"y"}}
	g := &graphProto{Outputs: []valueProto{{Name: "y"}}}
	var input []int
	for range a.IntN(4) {
		input = append(input, oneOf(a, 1, 2, 2, 3, 4, 5))
	}
	g.Inputs = []valueProto{describeValue("x", input)}
	x := a.IntN(3)
	for i := range 1 + a.IntN(7) {
		name := fmt.Sprint("c", i)
		switch {
		case i == x || a.IntN(8) == 0:
			name = "x"
		case a.IntN(8) == 0:
			name = ""
		default:
			g.Initializers = append(g.Initializers, a.tensor(name))
		}
		n.Inputs = append(n.Inputs, name)
	}
	for range a.IntN(12) {
		n.Attributes = append(n.Attributes, a.attribute())
	}
	g.Nodes = []nodeProto{n}
	if !slices.Contains(n.Inputs, "x") {
		g.Nodes[0].Inputs = append([]string{"x"}, n.Inputs...)
	}
	return &modelProto{IR: irVersion, Opsets: []opsetProto{{Version: oneOf[int64](a, 1, 6, 9, 11, 13, 18, 21)}, {Domain: domain, Version: 1}}, Graph: g}, append([]int{1 + a.IntN(2)}, input...)
}

// TestOperatorsOfAnything: whatever attributes and operands an operator has, it is read or
// refused by an error of its node; none panics, and what was built runs.
func TestOperatorsOfAnything(t *testing.T) {
	trials := 40
	if n, err := strconv.Atoi(os.Getenv("TAPENET_TRIALS")); err == nil {
		trials = n
	}
	for _, kind := range slices.Sorted(maps.Keys(importRules)) {
		t.Run(kind, func(t *testing.T) {
			read := 0
			for seed := range trials {
				a := anything{rand.New(rand.NewPCG(uint64(seed), 1))}
				p, input := a.file(kind, "")
				m, err := Load(marshal(p))
				if err != nil {
					failsWell(t, seed, err)
					continue
				}
				g, err := graph.Options{Loss: graph.MSE{}}.Build(m, graph.Infer, input...)
				if err != nil {
					failsWell(t, seed, err)
					continue
				}
				read++
				if g.Need() > 1<<24 {
					continue
				}
				if err := g.Run(); err != nil {
					t.Errorf("seed %d: it was built and does not run: %v", seed, err)
				}
			}
			t.Logf("%d of %d were read", read, trials)
		})
	}
}

// failsWell wants an error that no panic has made.
func failsWell(t *testing.T, seed int, err error) {
	t.Helper()
	if text := err.Error(); strings.Contains(text, "panic") || strings.Contains(text, "runtime error") || strings.Contains(text, "fit no rule") {
		t.Errorf("seed %d: %v", seed, err)
	}
}
