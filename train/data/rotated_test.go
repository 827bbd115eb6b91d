package data

import (
	"bytes"
	"errors"
	"hash/crc32"
	"slices"
	"testing"
)

// TestRotatedMNIST: the set of the seeds 0 and 1 is what it was when it was made, on any
// machine; digits keep their classes, and all angles occur.
func TestRotatedMNIST(t *testing.T) {
	for seed, want := range []uint32{0xcd60c0bc, 0x6f09ba84} {
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
