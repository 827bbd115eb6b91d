package op_test

import (
	"fmt"
	"math"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

func layerNorm(epsilon float64) graphtest.Func {
	return func(in ...node) (node, error) { return op.LayerNorm(in[0], in[1], in[2], epsilon) }
}

func TestLayerNorm(t *testing.T) {
	for _, s := range []tensor.Shape{{2, 3}, {3, 4, 5}, {2, 2, 3, 7}, {1, 9}, {3, 1}} {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			c := tensor.Shape{s[len(s)-1]}
			o := graphtest.Op{F: layerNorm(1e-3), In: random(s, c, c)}
			checkForward(t, o, naiveLayerNorm(1e-3, o.In...), s...)
			o.Gradient(t)
		})
	}
}

func naiveLayerNorm(epsilon float64, in ...dense) []float64 {
	x, gamma, beta := in[0].Float64s(), in[1].Float64s(), in[2].Float64s()
	c := len(gamma)
	var y []float64
	for row := 0; row < len(x); row += c {
		var mean, variance float64
		for _, v := range x[row : row+c] {
			mean += v / float64(c)
		}
		for _, v := range x[row : row+c] {
			variance += (v - mean) * (v - mean) / float64(c)
		}
		for i, v := range x[row : row+c] {
			y = append(y, gamma[i]*(v-mean)/math.Sqrt(variance+epsilon)+beta[i])
		}
	}
	return y
}

// TestLayerNormFarFromZero: a mean that is large against the deviation must not
// swallow it.
func TestLayerNormFarFromZero(t *testing.T) {
	o := graphtest.Op{F: layerNorm(1e-5), In: random(tensor.Shape{4, 64}, tensor.Shape{64}, tensor.Shape{64})}
	for i := range o.In[0].Float64s() {
		o.In[0].Float64s()[i] += 1000
	}
	o.In[0] = to(tensor.Float64, to(tensor.Float32, o.In[0]))
	y, err := in(tensor.Float32, o).Run()
	if err != nil {
		t.Fatal(err)
	}
	checkNear(t, "output", floats(y), naiveLayerNorm(1e-5, o.In...), 1e-3)
}

func TestTranspose(t *testing.T) {
	for _, s := range []tensor.Shape{{2, 3, 4}, {1, 5, 1}, {3, 1, 2}, {4, 4, 4}} {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			o := graphtest.Op{F: func(in ...node) (node, error) { return op.Transpose(in[0]) }, In: random(s)}
			out := tensor.Shape{s[0], s[2], s[1]}
			var want []float64
			for i := range out.TotalSize() {
				at := coordinates(i, out)
				want = append(want, o.In[0].Float64s()[position([]int{at[0], at[2], at[1]}, s)])
			}
			checkForward(t, o, want, out...)
			o.Gradient(t)
		})
	}
}

func TestPadChannels(t *testing.T) {
	for _, s := range []tensor.Shape{{2, 3, 4, 2}, {1, 1, 1, 1}, {3, 5, 2, 1}} {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			o := graphtest.Op{F: func(in ...node) (node, error) { return op.PadChannels(in[0], 5) }, In: random(s)}
			out := tensor.Shape{s[0], 5, s[2], s[3]}
			want := make([]float64, out.TotalSize())
			for i, v := range o.In[0].Float64s() {
				want[position(coordinates(i, s), out)] = v
			}
			checkForward(t, o, want, out...)
			o.Gradient(t)
		})
	}
}
