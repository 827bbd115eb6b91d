package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/pixel"
)

// TestLaidBroadcast: in training a product or a sum with numbers a channel is, on
// images channels last, what it is on planes, forward and backward, with a border
// around the image and without, for numbers of each image and of all.
func TestLaidBroadcast(t *testing.T) {
	kerneltest.EachTier(t, testLaidBroadcasts)
}

func testLaidBroadcasts(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		multiply, each, l := seed&1 > 0, seed&2 > 0, randomImages(r)
		t.Run(fmt.Sprintf("multiply %v, each %v, %v", multiply, each, l), func(t *testing.T) {
			with := []int{1, l.C, 1, 1}
			if each {
				with[0] = l.N
			}
			testLaidBroadcast(t, r, l, multiply, with)
		})
	}
}

func testLaidBroadcast(t *testing.T, r *rand.Rand, l pixel.Layout, multiply bool, with []int) {
	shape := []int{l.N, l.C, l.H, l.W}
	x, dy := kerneltest.Normal[float32](r, l.Size()), kerneltest.Normal[float32](r, l.Size())
	s := kerneltest.Normal[float32](r, with[0]*with[1])

	plain := NewBroadcast[float32](multiply, shape, with)
	y, dx, ds := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(s))
	plain.Forward(y, [][]float32{x, s})
	plain.Backward([][]float32{dx, ds}, dy, [][]float32{x, s})

	laid := NewBroadcast[float32](multiply, shape, with)
	want, out, ok := laid.LayBack([]pixel.Layout{l.Lastly(pixel.Border{}), {}}, true)
	if !ok {
		t.Fatal("LayBack refuses images channels last")
	}
	in := grown(r, want[0].Layout, true)
	laid.Place([]pixel.Layout{in, {}}, out)
	xLast, yLast := lay(x, in), make([]float32, out.Size())
	dxLast, dsLast := make([]float32, out.Size()), make([]float32, len(s))
	laid.Forward(yLast, [][]float32{xLast, s})
	laid.Backward([][]float32{dxLast, dsLast}, lay(dy, out), [][]float32{xLast, s})

	kerneltest.CheckRelative(t, "y", unlay(t, yLast, out), y, 1e-6)
	kerneltest.CheckRelative(t, "dx", unlay(t, dxLast, out), dx, 1e-6)
	kerneltest.CheckRelative(t, "ds", dsLast, ds, 1e-5)
}
