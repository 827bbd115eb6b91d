package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

type move [6]float64

func (m move) Apply(im *Image, _ *rand.Rand) { im.Move(m[0], m[1], m[2], m[3], m[4], m[5]) }

func TestMove(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	tests := []struct {
		name  string
		steps []Augmentation
		want  []float32
	}{
		{"nothing", []Augmentation{move{1, 0, 0, 0, 1, 0}}, x},
		{"down", []Augmentation{move{1, 0, -1, 0, 1, 0}}, []float32{0, 0, 0, 1, 2, 3, 0, 0, 0, 7, 8, 9}},
		{"left", []Augmentation{move{1, 0, 0, 0, 1, 1}}, []float32{2, 3, 0, 5, 6, 0, 8, 9, 0, 11, 12, 0}},
		{"half left", []Augmentation{move{1, 0, 0, 0, 1, 0.5}}, []float32{1.5, 2.5, 1.5, 4.5, 5.5, 3, 7.5, 8.5, 4.5, 10.5, 11.5, 6}},
		{"half down", []Augmentation{move{1, 0, -0.5, 0, 1, 0}}, []float32{0.5, 1, 1.5, 2.5, 3.5, 4.5, 3.5, 4, 4.5, 8.5, 9.5, 10.5}},
		{"mirrored", []Augmentation{move{1, 0, 0, 0, -1, 0}}, []float32{3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10}},
		{"mirrored, then left", []Augmentation{move{1, 0, 0, 0, -1, 0}, move{1, 0, 0, 0, 1, 1}}, []float32{2, 1, 0, 5, 4, 0, 8, 7, 0, 11, 10, 0}},
		{"left, then mirrored", []Augmentation{move{1, 0, 0, 0, 1, 1}, move{1, 0, 0, 0, -1, 0}}, []float32{0, 3, 2, 0, 6, 5, 0, 9, 8, 0, 12, 11}},
		{"far away", []Augmentation{move{1, 0, 1e30, 0, 1, 0}}, make([]float32, 12)},
		{"nowhere", []Augmentation{move{math.NaN(), 0, 0, 0, math.Inf(1), 0}}, make([]float32, 12)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := augmented([3]int{2, 2, 3}, x, 1, tt.steps...); !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestMovesBlurOnce(t *testing.T) {
	x := []float32{0, 0, 1, 0, 0}
	there, back := move{1, 0, 0, 0, 1, 0.5}, move{1, 0, 0, 0, 1, -0.5}
	if got := augmented([3]int{1, 1, 5}, x, 1, there, back); !slices.Equal(got, x) {
		t.Errorf("%v, want %v", got, x)
	}
}

func cross() []float32 {
	x := make([]float32, 21*21)
	for k := -8; k <= 8; k++ {
		x[(10+k)*21+10], x[10*21+10+k] = 1, 0.5
	}
	return x
}

func moments(x []float32) (sum, cy, cx, vy, vx float64) {
	for i, v := range x {
		sum += float64(v)
		cy += float64(v) * float64(i/21)
		cx += float64(v) * float64(i%21)
	}
	cy, cx = cy/sum, cx/sum
	for i, v := range x {
		vy += float64(v) * math.Pow(float64(i/21)-cy, 2)
		vx += float64(v) * math.Pow(float64(i%21)-cx, 2)
	}
	return sum, cy, cx, vy / sum, vx / sum
}

func TestGeometry(t *testing.T) {
	tests := []struct {
		name      string
		step      Augmentation
		measure   func(x []float32) float64
		low, high float64
		slack     float64 // how far from low and high the extremes may stay
	}{
		{"shift down", Shift{}, func(x []float32) float64 { _, cy, _, _, _ := moments(x); return cy - 10 }, -2.1, 2.1, 0.1},
		{"shift right", Shift{0.05}, func(x []float32) float64 { _, _, cx, _, _ := moments(x); return cx - 10 }, -1.05, 1.05, 0.05},
		{"zoom", Zoom{0.2}, func(x []float32) float64 {
			_, _, _, vy, _ := moments(x)
			_, _, _, own, _ := moments(cross())
			return math.Sqrt(vy / own)
		}, 0.8, 1.2, 0.04},
		{"rotation leaves the middle", Rotate{180}, func(x []float32) float64 { return float64(x[10*21+10]) }, 0.5, 0.5, 1e-6},
		{"crop", Crop{}, func(x []float32) float64 { _, cy, _, _, _ := moments(x[:]); return math.Abs(cy - 10) }, 0, 4, 2},
		{"shear", Shear{45}, func(x []float32) float64 { return lean(x) }, -1, 1, 0.05},
		{"rotation", Rotate{20}, func(x []float32) float64 { return lean(x) }, -math.Tan(20 * math.Pi / 180), math.Tan(20 * math.Pi / 180), 0.03},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			low, high := math.Inf(1), math.Inf(-1)
			for seed := range uint64(400) {
				v := tt.measure(augmented([3]int{1, 21, 21}, cross(), seed, tt.step))
				low, high = min(low, v), max(high, v)
			}
			const rounding = 0.02
			if low < tt.low-rounding || low > tt.low+tt.slack || high > tt.high+rounding || high < tt.high-tt.slack {
				t.Errorf("from %.3f to %.3f, want %.3f to %.3f", low, high, tt.low, tt.high)
			}
		})
	}
}

func lean(x []float32) float64 {
	place := func(row int) float64 {
		var sum, at float64
		for col := range 21 {
			if v := float64(x[row*21+col]); v > 0 {
				sum, at = sum+v, at+v*float64(col)
			}
		}
		return at / sum
	}
	return (place(14) - place(6)) / 8
}

func TestFlip(t *testing.T) {
	x := []float32{1, 2, 3, 4}
	count := map[string]int{}
	for seed := range uint64(100) {
		count[fmt.Sprint(augmented([3]int{1, 2, 2}, x, seed, Flip{}))]++
		count[fmt.Sprint("v", augmented([3]int{1, 2, 2}, x, seed, Flip{Vertical: true}))]++
	}
	for _, want := range []string{"[1 2 3 4]", "[2 1 4 3]", "v[1 2 3 4]", "v[3 4 1 2]"} {
		if n := count[want]; n < 30 || n > 70 {
			t.Errorf("%s in %d of 100, want about 50", want, n)
		}
	}
	if len(count) != 4 {
		t.Errorf("results %v, want four", count)
	}
}

func TestCropWhole(t *testing.T) {
	x := make([]float32, 49)
	x[24] = 1
	places := map[int]bool{}
	for seed := range uint64(300) {
		y := augmented([3]int{1, 7, 7}, x, seed, Crop{1})
		at := slices.Index(y, 1)
		if at < 0 {
			t.Fatalf("no whole pixel in %v", y)
		}
		places[at] = true
	}
	if len(places) != 9 {
		t.Errorf("%d places, want 9", len(places))
	}
}
