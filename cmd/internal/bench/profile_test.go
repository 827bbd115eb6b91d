package bench

import (
	"bytes"
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

// firstOfSmall is the number of multiply-adds of small's first convolution for a
// sample of (3,12,16): 8 filters of 3×3×3 on 6×8 pixels.
const firstOfSmall = 8 * 27 * 6 * 8

// TestCosts: the ops of a profile have all multiply-adds of a run between them,
// and no op that moves values costs nothing.
func TestCosts(t *testing.T) {
	file, err := size{}.open(writeNetwork(t, "small.onnx", small(), 3, 12, 16))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []network{opened(t, "lenet5"), opened(t, "conv3"), {layer: small(), input: []int{3, 12, 16}}, file} {
		for _, mode := range []graph.Mode{graph.Train, graph.Infer} {
			m, err := n.build(mode, 2)
			if err != nil {
				t.Fatal(err)
			}
			times, err := m.Profile()
			if err != nil {
				t.Fatal(err)
			}
			sum := 0
			for _, node := range times {
				c := costOf(node)
				if sum += c.mulAdds; c.bytes == 0 {
					t.Errorf("%s, %v: %s of %s moves no values, want some", n.name, mode, node.Op, node.Layer)
				}
			}
			want := forwardMulAdds(m)
			if mode == graph.Train {
				first := m.Layers()[0].MulAdds
				if n.name == file.name { // one layer; its first convolution is small's
					first = 2 * firstOfSmall
				}
				want = 3*want - first // nobody needs the gradient of the input
			}
			if sum != want {
				t.Errorf("%s, %v: %d multiply-adds in the profile, want %d", n.name, mode, sum, want)
			}
		}
	}
}
