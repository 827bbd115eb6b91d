package data

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// changedBy does an augmentation to an image whose values are given by a function.
func changedBy(a Augmentation, shape [3]int, r *rand.Rand, value func(c, row, col int) float32) []float32 {
	x := make([]float32, volumeOf(shape))
	for i := range x {
		x[i] = value(i/(shape[1]*shape[2]), i/shape[2]%shape[1], i%shape[2])
	}
	im := new(Image)
	im.start(shape, x)
	a.Apply(im, r)
	im.finish(x)
	return x
}

// TestResizedCrop: of a ramp, what is seen is a ramp between values of the image, whose
// slopes are the part's sides. Their product is the area, their ratio within bounds.
func TestResizedCrop(t *testing.T) {
	shape := [3]int{2, 32, 48}
	r := rand.New(rand.NewPCG(5, 6))
	areas := []float64{}
	for range 500 {
		x := changedBy(ResizedCrop{Least: 0.25}, shape, r, func(c, row, col int) float32 {
			if c == 0 {
				return float32(row)
			}
			return float32(col)
		})
		down, across := x[:32*48], x[32*48:]
		h := float64(down[20*48+24]-down[10*48+24]) / 10
		w := float64(across[16*48+30]-across[16*48+20]) / 10
		areas = append(areas, h*w)
		if ratio := w / h; ratio < 0.74 || ratio > 1.35 {
			t.Fatalf("the part's sides are %.3f and %.3f of the image's, want a ratio from 3/4 to 4/3", h, w)
		}
		if slices.Min(down) < 0 || slices.Max(down) > 31 || slices.Min(across) < 0 || slices.Max(across) > 47 {
			t.Fatal("the part is not inside the image")
		}
	}
	if low, high := slices.Min(areas), slices.Max(areas); low < 0.249 || low > 0.3 || high < 0.9 || high > 1.001 {
		t.Errorf("areas from %.3f to %.3f, want 0.25 to 1", low, high)
	}
}

// TestJitterParts holds what brightness, contrast, saturation and sharpness are, by the
// values of Pillow's ImageEnhance.
func TestJitterParts(t *testing.T) {
	pixel := [3]float32{0.2, 0.4, 0.8}
	grey := 0.299*0.2 + 0.587*0.4 + 0.114*0.8
	for _, tt := range []struct {
		name   string
		change func(*Image, float64)
		factor float64
		want   [3]float64
	}{
		{"brighter", brighten, 1.2, [3]float64{0.24, 0.48, 0.96}},
		{"brighter than white", brighten, 2, [3]float64{0.4, 0.8, 1}},
		{"no contrast", contrast, 0, [3]float64{grey, grey, grey}},
		{"more contrast", contrast, 1.1, [3]float64{grey + 1.1*(0.2-grey), grey + 1.1*(0.4-grey), grey + 1.1*(0.8-grey)}},
		{"grey", saturate, 0, [3]float64{grey, grey, grey}},
		{"even areas are sharp", sharpen, 1.9, [3]float64{0.2, 0.4, 0.8}},
	} {
		x := changedBy(step(func(im *Image) { tt.change(im, tt.factor) }), [3]int{3, 4, 4}, nil, func(c, _, _ int) float32 { return pixel[c] })
		for c, want := range tt.want {
			if got := float64(x[16*c+5]); math.Abs(got-want) > 1e-6 {
				t.Errorf("%s: channel %d is %.5f, want %.5f", tt.name, c, got, want)
			}
		}
	}
	dot := changedBy(step(func(im *Image) { sharpen(im, 0) }), [3]int{1, 5, 5}, nil, func(_, row, col int) float32 {
		if row == 2 && col == 2 {
			return 1
		}
		return 0
	})
	if math.Abs(float64(dot[12])-5.0/13) > 1e-6 || math.Abs(float64(dot[6])-1.0/13) > 1e-6 || dot[0] != 0 {
		t.Errorf("a dot is smoothed to %v, want 5/13 in the middle and 1/13 around it", dot)
	}
}

// step is an augmentation without randomness.
type step func(im *Image)

func (s step) Apply(im *Image, _ *rand.Rand) { s(im) }

// TestRandAugment: each change keeps values in 0..1, and all but the identity change a
// picture that has all greys.
func TestRandAugment(t *testing.T) {
	ramp := func(c, row, col int) float32 { return float32(64*c+8*row+col*col) / 300 } // not even: a plane is as sharp as it can be
	shape := [3]int{3, 8, 8}
	plain := changedBy(step(func(*Image) {}), shape, nil, ramp)
	still := 0
	for k, change := range randChanges {
		for _, sign := range []float64{-1, 1} {
			r := rand.New(rand.NewPCG(1, 1))
			x := changedBy(step(func(im *Image) { change(im, 0.5, sign, r) }), shape, nil, ramp)
			if slices.Min(x) < 0 || slices.Max(x) > 1 {
				t.Errorf("change %d: values from %v to %v, want 0 to 1", k, slices.Min(x), slices.Max(x))
			}
			if slices.Equal(x, plain) {
				still++
			}
		}
	}
	if still != 2 {
		t.Errorf("%d of %d changes change nothing, want the identity alone, both ways", still, 2*len(randChanges))
	}
	a := changedBy(RandAugment{}, shape, rand.New(rand.NewPCG(3, 1)), ramp)
	if b := changedBy(RandAugment{}, shape, rand.New(rand.NewPCG(3, 1)), ramp); !slices.Equal(a, b) {
		t.Error("the same random numbers give other images")
	}
}
