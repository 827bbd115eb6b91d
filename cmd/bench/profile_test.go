package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/graphtest"
)

// TestProfile compares with testdata/profile.golden.
func TestProfile(t *testing.T) {
	p := profile{combination{"net.onnx", "train", 2, 8}, []nodeTime{
		{"a", "Conv2d stride 1x1", 2, cost{400e6, 10e6}},
		{"b", "Conv2d stride 2x2", 1, cost{200e6, 5e6}},
		{"b", "ReLU", 4, cost{0, 80e6}},
		{"b", "ReLUGrad", 0.0005, cost{0, 80e6}},
		{"b", "ReLUGrad of operand 0", 0.0001, cost{}},
		{"b", "Conv2dGrad stride 2x2", 2.5, cost{800e6, 10e6}},
	}}
	var b bytes.Buffer
	for _, by := range []string{byOp, byNode} {
		if err := p.write(&b, by, machine{PeakMulAdds: 100e9, Cores: 4}); err != nil {
			t.Fatal(err)
		}
	}
	graphtest.Golden(t, *update, "profile.golden", b.String())
}

// TestCosts: the ops of a profile have all multiply-adds of a run between them,
// and no op that moves values costs nothing.
func TestCosts(t *testing.T) {
	file, err := size{}.open(writeNetwork(t, "small.onnx", small(), 3, 12, 16))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []network{open(t, "lenet5"), open(t, "conv3"), {layer: small(), input: []int{3, 12, 16}}, file} {
		for _, mode := range []graph.Mode{graph.Train, graph.Infer} {
			m, err := n.build(mode, 2)
			if err != nil {
				t.Fatal(err)
			}
			times, err := m.Profile()
			if err != nil {
				t.Fatal(err)
			}
			sum, all := 0, costs(m, times)
			for i, c := range all {
				sum += c.mulAdds
				if _, gradient := gradientOf(times[i].Op); !gradient && c.bytes == 0 && !strings.HasPrefix(times[i].Op, "+") {
					t.Errorf("%s, %v: %s of %s moves no values, want some", n.name, mode, times[i].Op, times[i].Layer)
				}
			}
			want := forwardMulAdds(m)
			if mode == graph.Train {
				want = trainingMulAdds(m)
			}
			if sum != want {
				t.Errorf("%s, %v: %d multiply-adds in the profile, want %d", n.name, mode, sum, want)
			}
		}
	}
}

// TestGradientCost: the costs of a dense layer's gradient, counted by hand.
func TestGradientCost(t *testing.T) {
	m, err := graph.Build(graph.Sequential{graph.Dense{Units: 5}, graph.Dense{Units: 7}}, graph.Train, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	products := forwardCosts(m)[:2]
	for i, want := range []forwardCost{
		{"Mul", cost{2 * 3 * 5, 4 * (2*3 + 3*5 + 5 + 2*5)}, 4 * 2 * 5, true},
		{"Mul", cost{2 * 5 * 7, 4 * (2*5 + 5*7 + 7 + 2*7)}, 4 * 2 * 7, false},
	} {
		if products[i] != want {
			t.Errorf("product %d: %+v, want %+v", i, products[i], want)
		}
	}
	if got, want := products[1].gradient(), (cost{2 * 2 * 5 * 7, 4 * (2*7 + 2*(2*5+5*7+7))}); got != want {
		t.Errorf("gradient of the second: %+v, want %+v", got, want)
	}
	if got, want := products[0].gradientMulAdds(), 2*3*5; got != want {
		t.Errorf("gradient of the first has %d multiply-adds, want %d: the input needs none", got, want)
	}
}

func TestProfileCommand(t *testing.T) {
	path := writeNetwork(t, "small.onnx", small(), 3, 12, 16)
	var out bytes.Buffer
	if err := run(t.Context(), strings.Fields("-profile -time 1ms -mode train,infer -batch 2 -threads 1 -model lenet5,"+path), &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"lenet5, train, batch 2, threads 1: ", "small.onnx, infer, batch 2, threads 1: ", "Conv2dGrad ", "GFLOP/s", "of peak"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %s", want, &out)
		}
	}
}
