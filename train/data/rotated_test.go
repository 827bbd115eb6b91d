package data

import (
	"bytes"
	"errors"
	"hash/crc32"
	"math"
	"slices"
	"testing"
)

// TestRotatedMNIST: the set of the seeds 0 and 1 is what it was when it was made, on any
// machine; digits keep their classes, and all angles occur.
func TestRotatedMNIST(t *testing.T) {
	for seed, want := range []uint32{0x38e1be72, 0x260c407b} {
		d, err := (Options{Seed: uint64(seed)}).Open("rotated-mnist")
		if err != nil {
			t.Fatal(err)
		}
		if d.Name != "rotated-mnist" || d.Train.Len() != 12000 || d.Test.Len() != 10000 || d.Shape != [3]int{1, 28, 28} || len(d.Classes) != 10 {
			t.Fatalf("dataset %q of %d and %d images %v in %d classes", d.Name, d.Train.Len(), d.Test.Len(), d.Shape, len(d.Classes))
		}
		train, test := d.Train.(*inMemory), d.Test.(*inMemory)
		sum := crc32.ChecksumIEEE(slices.Concat(train.pixels, train.labels, test.pixels, test.labels))
		if sum != want {
			t.Errorf("seed %d: the CRC-32 of all pixels and labels is %#x, want %#x", seed, sum, want)
		}
		upright, err := MNIST()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(test.labels, upright.Test.(*inMemory).labels) {
			t.Errorf("seed %d: the test labels are not MNIST's in order", seed)
		}
		var of [10]int
		for _, l := range train.labels {
			of[l]++
		}
		for class, n := range of {
			if n < 900 || n > 1500 {
				t.Errorf("seed %d: %d of 12,000 digits are a %d, want about as many as there are in MNIST", seed, n, class)
			}
		}
	}
}

// TestTurn: quarter turns move pixels, other turns agree with the interpolation in
// float64, and what is turned out of the image is 0.
func TestTurn(t *testing.T) {
	shape := [3]int{2, 5, 5}
	from := make([]byte, 50)
	for i := range from {
		from[i] = byte(37*i + 11)
	}
	at := func(c, row, column int) float64 {
		if row < 0 || row > 4 || column < 0 || column > 4 {
			return 0
		}
		return float64(from[c*25+row*5+column])
	}
	to := make([]byte, 50)
	for _, part := range []float64{0, 0.25, 0.5, 0.75, 0.01, 0.125, 0.4, 0.99} {
		turn(to, from, shape, part)
		sin, cos := math.Sincos(2 * math.Pi * part)
		for i, got := range to {
			y, x := float64(i/5%5)-2, float64(i%5)-2
			y, x = cos*y+sin*x+2, cos*x-sin*y+2
			row, column := int(math.Floor(y)), int(math.Floor(x))
			fy, fx := y-math.Floor(y), x-math.Floor(x)
			c := i / 25
			want := (1-fy)*((1-fx)*at(c, row, column)+fx*at(c, row, column+1)) + fy*((1-fx)*at(c, row+1, column)+fx*at(c, row+1, column+1))
			if math.Abs(float64(got)-want) > 0.51 {
				t.Errorf("turned by %g of a circle: pixel %d is %d, want %.2f", part, i, got, want)
			}
		}
		if part == 0.25 && to[0] != from[4] { // anticlockwise: the upper right corner comes to the upper left
			t.Errorf("a quarter turn brings %d to the upper left corner, want %d from the upper right one", to[0], from[4])
		}
	}
}

// TestRotatedAngles: angles are spread over the circle, and another seed has others.
func TestRotatedAngles(t *testing.T) {
	d := dot(200)
	a, err := Rotated(d, 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	var quadrants [4]int
	x := make([]float32, 81)
	for i := range a.Test.Len() {
		if _, err := a.Test.Read(i, x); err != nil {
			t.Fatal(err)
		}
		k := slices.Index(x, slices.Max(x))
		row, column := k/9, k%9
		quadrant := 0
		if row > 4 || row == 4 && column < 4 {
			quadrant = 2
		}
		if (row > 4) == (column > 4) {
			quadrant++
		}
		quadrants[quadrant]++
	}
	for q, n := range quadrants {
		if n < 25 || n > 90 {
			t.Errorf("%d of 200 dots in quadrant %d, want about 50", n, q)
		}
	}
	b, err := Rotated(d, 100, 2)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a.Test.(*inMemory).pixels, b.Test.(*inMemory).pixels) {
		t.Error("seeds 1 and 2 turn images by the same angles")
	}
	if bytes.Equal(a.Train.(*inMemory).pixels[:81*20], a.Test.(*inMemory).pixels[:81*20]) {
		t.Error("training and test images have the same angles")
	}
}

// dot is a dataset of n and n equal images, with a pixel to the right of the centre.
func dot(n int) Dataset {
	s := &inMemory{make([]byte, 81*n), make([]byte, n), 81}
	for i := range n {
		s.pixels[81*i+4*9+7] = 255
	}
	return Dataset{Name: "dot", Shape: [3]int{1, 9, 9}, Classes: numerals(2), Train: s, Test: s}
}

func TestRotatedErrors(t *testing.T) {
	for _, n := range []int{0, 201} {
		_, err := Rotated(dot(200), n, 1)
		wantError(t, err, "data: ", `rotated samples of the 200 of dataset "dot", want 1 or more`)
	}
	d := dot(3)
	d.Train = broken{d.Train}
	_, err := Rotated(d, 2, 1)
	wantError(t, err, "data: ", "broken")
}

// broken samples cannot be read.
type broken struct{ Samples }

func (broken) Read(int, []float32) (int, error) { return 0, errors.New("data: broken") }
