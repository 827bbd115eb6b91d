package data

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"tapenet/graph/raster/corrupt"
)

// shades is an image of two channels with values from 0 to 1.
func shades() ([3]int, []float32) {
	x := make([]float32, 2*14*10)
	for i := range x {
		x[i] = float32(i%140) / 139
	}
	return [3]int{2, 14, 10}, x
}

func TestParseCorruptions(t *testing.T) {
	steps, err := ParseAugmentations("shot_noise=2, none|noise=0.3|mnist/rotate ,common/fog=3,augmix=4")
	if err != nil || len(steps) != 4 {
		t.Fatalf("%v and error %v, want four steps", steps, err)
	}
	want := "[mnist/shot_noise=2 none|data.Noise{Deviation:0.3}|data.Corruptmnist/rotate=0 common/fog=3 {Ops:[] Width:4 Depth:0}]"
	if got := fmt.Sprintf("%+v", steps); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A corruption as an augmentation is the corruption: with its own seed for each
// image and epoch, and the same one for the same.
func TestCorrupt(t *testing.T) {
	c, err := corrupt.Find("impulse_noise")
	if err != nil {
		t.Fatal(err)
	}
	d := mnist(t)
	d.Train = Limit(d.Train, 20)
	spoilt := Augment(d, 1, Corrupt{c, 3})
	first, again := values(t, Epoch(spoilt.Train, 1), 784), values(t, Epoch(spoilt.Train, 1), 784)
	if !slices.Equal(first, again) {
		t.Error("one epoch has two results")
	}
	if slices.Equal(first, values(t, Epoch(spoilt.Train, 2), 784)) {
		t.Error("two epochs have one result")
	}
	clean, white := values(t, d.Train, 784), 0
	for i, v := range first {
		if v != clean[i] && v != 0 && v != 1 {
			t.Fatalf("value %d is %g, want %g, or 0 or 1", i, v, clean[i])
		}
		if v == 1 && clean[i] == 0 {
			white++
		}
	}
	if white < 300 || white > 900 { // 4.5 % of about 12,700 black pixels
		t.Errorf("%d black pixels are white now, want about 570", white)
	}
}

// Each part of OneOf comes up about as often as the others.
func TestOneOf(t *testing.T) {
	shape, x := shades()
	var count [3]int
	for seed := range uint64(900) {
		y := augmented(shape, x, seed, OneOf{nil, Solarize{0.999999}, Posterize{}})
		switch {
		case slices.Equal(y, x):
			count[0]++
		case y[139] == 0:
			count[1]++
		default:
			count[2]++
		}
	}
	for k, n := range count {
		if n < 220 || n > 380 {
			t.Errorf("part %d came up %d times of 900, want about 300", k, n)
		}
	}
	if y := augmented(shape, x, 1, OneOf{}); !slices.Equal(y, x) {
		t.Error("a choice of nothing changes the image")
	}
}

// TestLooks holds what each of the augmentations that change the looks promises,
// over many seeds.
func TestLooks(t *testing.T) {
	shape, x := shades()
	for _, tt := range []struct {
		step  Augmentation
		holds func(y []float32) string
	}{
		{Gamma{}, func(y []float32) string {
			power := math.Log(float64(y[70])) / math.Log(float64(x[70]))
			if power < 0.499 || power > 2.001 || y[0] != 0 || y[139] != 1 {
				return fmt.Sprintf("power %g, want 1/2 to 2, with black and white kept", power)
			}
			return ""
		}},
		{Curve{}, func(y []float32) string {
			for i, v := range x[:140] {
				if y[i] != y[140+i] {
					return fmt.Sprintf("%g becomes two values", v)
				}
			}
			return ""
		}},
		{Posterize{3}, func(y []float32) string {
			seen := map[float32]bool{}
			for _, v := range y {
				seen[v] = true
			}
			if len(seen) != 8 && len(seen) != 16 {
				return fmt.Sprintf("%d levels, want 8 or 16", len(seen))
			}
			return ""
		}},
		{Solarize{0.5}, func(y []float32) string {
			for i, v := range y {
				if v != x[i] && (v != 1-x[i] || x[i] < 0.5) {
					return fmt.Sprintf("%g becomes %g", x[i], v)
				}
			}
			return ""
		}},
		{Occlude{0.5}, func(y []float32) string {
			covered := 0
			for i := range 140 {
				if y[i] != x[i] {
					covered++
				}
			}
			if covered > 7*5 {
				return fmt.Sprintf("%d pixels covered, want at most 35", covered)
			}
			return ""
		}},
		{Light{0.5}, func(y []float32) string {
			for i, v := range y {
				if d := v - x[i]; d < -0.5*x[i]-1e-6 || d > 0.5*(1-x[i])+1e-6 {
					return fmt.Sprintf("%g becomes %g", x[i], v)
				}
			}
			return ""
		}},
		{RandConv{0.4}, func(y []float32) string {
			for i, v := range y {
				if math.Abs(float64(v-x[i])) > 0.4+1e-6 {
					return fmt.Sprintf("%g becomes %g, want at most 0.4 away", x[i], v)
				}
			}
			return ""
		}},
		{Patch{Solarize{1e-9}}, func(y []float32) string {
			inside := 0
			for i, v := range y {
				if v != x[i] && v != 1-x[i] {
					return fmt.Sprintf("%g becomes %g", x[i], v)
				}
				if v != x[i] {
					inside++
				}
			}
			if inside == len(y) {
				return "all is changed, want a rectangle about a random middle"
			}
			return ""
		}},
		{Grain{0.1, 3}, func(y []float32) string {
			square := 0.0
			for i, v := range y {
				square += math.Pow(float64(v-x[i]), 2) / float64(len(y))
			}
			if square > 0.1*0.1+1e-6 {
				return fmt.Sprintf("the noise has the deviation %g, want at most 0.1", math.Sqrt(square))
			}
			return ""
		}},
		{AugMix{}, func(y []float32) string { return "" }},
	} {
		changed := false
		for seed := range uint64(300) {
			y := augmented(shape, x, seed, tt.step)
			if low, high := slices.Min(y), slices.Max(y); !(low >= 0 && high <= 1) {
				t.Fatalf("%T: values from %g to %g, want 0 to 1", tt.step, low, high)
			}
			if text := tt.holds(y); text != "" {
				t.Errorf("%T, seed %d: %s", tt.step, seed, text)
				break
			}
			changed = changed || !slices.Equal(x, y)
		}
		if !changed {
			t.Errorf("%T changes nothing", tt.step)
		}
	}
}

// Autocontrast and equalize, against what is known of their results.
func TestStretchedTones(t *testing.T) {
	x := []float32{0.25, 0.25, 0.5, 0.75}
	if y := augmented([3]int{1, 2, 2}, x, 1, AutoContrast{}); !slices.Equal(y, []float32{0, 0, 0.5, 1}) {
		t.Errorf("autocontrast makes %v of %v", y, x)
	}
	if y := augmented([3]int{1, 2, 2}, x, 1, Equalize{}); !slices.Equal(y, []float32{0, 0, 0.5, 1}) {
		t.Errorf("equalize makes %v of %v", y, x)
	}
	flat := []float32{0.5, 0.5, 0.5, 0.5}
	for _, step := range []Augmentation{AutoContrast{}, Equalize{}} {
		if y := augmented([3]int{1, 2, 2}, flat, 1, step); !slices.Equal(y, flat) {
			t.Errorf("%T makes %v of %v", step, y, flat)
		}
	}
}

// AugMix with no versions of weight is the image, and it is a mix of what its
// operations make: of a solarized image and the image, nothing lies outside both.
func TestAugMix(t *testing.T) {
	shape, x := shades()
	ops := []Augmentation{Solarize{1e-9}}
	for seed := range uint64(100) {
		y := augmented(shape, x, seed, AugMix{Ops: ops, Depth: 1})
		for i, v := range y {
			if low, high := min(x[i], 1-x[i]), max(x[i], 1-x[i]); v < low-1e-5 || v > high+1e-5 {
				t.Fatalf("seed %d: %g becomes %g, want %g to %g", seed, x[i], v, low, high)
			}
		}
	}
}
